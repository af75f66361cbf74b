/*
 * real_headers.h - every libc header that declares a name of real.def, so that real.h can take the types from there.
 */
#ifndef GP_REAL_HEADERS_H
#define GP_REAL_HEADERS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
/* scanf shall mean scanf, not __isoc99_scanf, which is another name of real.def. */
#include <features.h>
#undef __GLIBC_USE_DEPRECATED_SCANF
#define __GLIBC_USE_DEPRECATED_SCANF 1

#include <aio.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <shadow.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <syslog.h>
#include <termios.h>
#include <threads.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <wchar.h>

/* What open is under _FORTIFY_SOURCE: the same. */
extern int __open_2(const char *, int), __open64_2(const char *, int);
extern int __openat_2(int, const char *, int), __openat64_2(int, const char *, int);

/* What longjmp is under _FORTIFY_SOURCE: declared nowhere when that is off. */
extern void __longjmp_chk(struct __jmp_buf_tag[1], int) __attribute__((noreturn));

/* stdio under _FORTIFY_SOURCE and ISO C, and a name that C11 took away. */
extern char *gets(char *);
extern char *__fgets_chk(char *, size_t, int, FILE *), *__gets_chk(char *, size_t);
extern size_t __fread_chk(void *, size_t, size_t, size_t, FILE *);
extern wchar_t *__fgetws_chk(wchar_t *, size_t, int, FILE *);
extern int __vfprintf_chk(FILE *, int, const char *, va_list), __fprintf_chk(FILE *, int, const char *, ...);
extern int __vdprintf_chk(int, int, const char *, va_list), __vasprintf_chk(char **, int, const char *, va_list);
extern int __vfwprintf_chk(FILE *, int, const wchar_t *, va_list);
extern int __isoc99_vfscanf(FILE *, const char *, va_list), __isoc99_fscanf(FILE *, const char *, ...);
extern int __isoc99_vfwscanf(FILE *, const wchar_t *, va_list);
extern int __isoc23_vfscanf(FILE *, const char *, va_list), __isoc23_fscanf(FILE *, const char *, ...);
extern int __isoc23_vfwscanf(FILE *, const wchar_t *, va_list);
extern void __syslog_chk(int, int, const char *, ...), __vsyslog_chk(int, int, const char *, va_list);

#endif
