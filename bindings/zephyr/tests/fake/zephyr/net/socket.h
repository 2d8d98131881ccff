#pragma once
/* Zephyr's sockets are like those of POSIX, and called so. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#define zsock_socket socket
#define zsock_connect connect
#define zsock_send send
#define zsock_recv recv
#define zsock_close close
#define zsock_inet_pton inet_pton
