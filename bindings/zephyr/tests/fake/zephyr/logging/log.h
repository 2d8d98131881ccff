#pragma once
/* Checks the formats, as the real ones do. */
void fake_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define LOG_ERR(...) fake_log(__VA_ARGS__)
#define LOG_WRN(...) fake_log(__VA_ARGS__)
#define LOG_INF(...) fake_log(__VA_ARGS__)
#define LOG_LEVEL_INF 3
#define LOG_MODULE_REGISTER(name, level) extern int fake_log_##name[(level) + 1]
#define LOG_MODULE_DECLARE(name, level) extern int fake_log_##name[(level) + 1]
