#pragma once
#define CONFIG_IDF_FIRMWARE_CHIP_ID 0x0005 /* ESP32-C3 */
#define CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE 1
/* CONFIG_FLASHDELTA_... come from the defaults of Kconfig, on the compiler's command line. */
#define CONFIG_EXAMPLE_PATCH_URL "https://example.com/update.fdp"
