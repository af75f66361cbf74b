/*
 * early.so - what else may sit in a process: it calls what others interpose from its constructor, and from a malloc of its own at every
 * allocation, the loader's and dlsym's among them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char heap[64 << 20] __attribute__((aligned(16)));
static size_t used;
static __thread int inside;
int early_calls; /* so that its user sees that it is there */

static void nothing(void)
{
}

static void call(void)
{
	int saved = errno;
	char c;

	early_calls++;
	(void)!read(-1, &c, 1);
	(void)!write(-1, &c, 1);
	poll(NULL, 0, 0);
	sched_yield();
	pthread_once(&once, nothing);
	nanosleep(&(struct timespec){ 0, 0 }, NULL);
	errno = saved;
}

static void *take(size_t size)
{
	size_t *p;

	pthread_mutex_lock(&mutex);
	p = (size_t *)(heap + used);
	used += (size + 47) & ~15ul;
	if (used > sizeof(heap))
		_exit(90);
	p[0] = size;
	pthread_mutex_unlock(&mutex);
	if (!inside++)
		call();
	inside--;
	return p + 2;
}

void *malloc(size_t size) { return take(size); }
void *calloc(size_t n, size_t size) { return memset(take(n * size), 0, n * size); }
void free(void *p) { (void)p; }

void *realloc(void *p, size_t size)
{
	void *q = take(size);
	size_t had = p ? ((size_t *)p)[-2] : 0;

	return had ? memcpy(q, p, had < size ? had : size) : q;
}

int posix_memalign(void **p, size_t align, size_t size)
{
	char *q = take(size + align);

	*p = (void *)(((uintptr_t)q + align - 1) & ~(align - 1));
	((size_t *)*p)[-2] = size;
	return 0;
}

void *aligned_alloc(size_t align, size_t size)
{
	void *p = NULL;

	posix_memalign(&p, align, size);
	return p;
}

void *memalign(size_t align, size_t size)
{
	return aligned_alloc(align, size);
}

__attribute__((constructor)) static void first(void)
{
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	struct timespec past = { 0 };
	struct sigaction act;
	struct iovec v = { NULL, 0 };
	sigset_t set;
	sem_t sem;
	int fd, s[2];
	char c;

	call();
	if (pthread_mutex_lock(&m) || pthread_cond_timedwait(&cond, &m, &past) != ETIMEDOUT || pthread_mutex_unlock(&m) ||
	    pthread_cond_broadcast(&cond) || pthread_rwlock_rdlock(&rwlock) || pthread_rwlock_unlock(&rwlock) ||
	    sem_init(&sem, 0, 1) || sem_wait(&sem) || !sem_trywait(&sem) || sem_post(&sem))
		_exit(91);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) || send(s[0], "ab", 2, 0) != 2 || recv(s[1], &c, 1, 0) != 1 || read(s[1], &c, 1) != 1 ||
	    writev(s[0], &v, 1) || select(0, NULL, NULL, NULL, &(struct timeval){ 0, 0 }) || close(s[0]) || close(s[1]))
		_exit(92);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0 || fcntl(fd, F_GETFL) < 0 || dup2(fd, fd) != fd || close(fd) || close(fd) != -1)
		_exit(93);
	fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_wait(fd, &(struct epoll_event){ 0 }, 1, 0) || close(fd))
		_exit(94);
	if (pthread_sigmask(SIG_BLOCK, NULL, &set) || sigaction(SIGUSR1, NULL, &act) || wait(NULL) != -1 || usleep(1) ||
	    waitpid(-1, NULL, WNOHANG) != -1)
		_exit(95);
}
