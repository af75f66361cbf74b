/* link: -luring */
/* A thread that waits for a completion of io_uring, as mariadb's does, stopped all others: the wait is no call of libc's. */
#include "must.h"

#include <liburing.h>

static struct io_uring ring;
static int p[2];
static sem_t go;

static void *write_later(void *arg)
{
	sem_wait(&go); /* only a thread that is not stopped lets the wait end */
	pause_us(20000);
	MUST(write(p[1], "hello", 5) == 5);
	return arg;
}

static void submit_read(char *buf)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	io_uring_prep_read(sqe, p[0], buf, 5, 0);
	io_uring_sqe_set_data(sqe, buf);
}

static void check(struct io_uring_cqe *cqe, const char *buf)
{
	MUST(cqe && cqe->res == 5 && io_uring_cqe_get_data(cqe) == buf && !memcmp(buf, "hello", 5));
	io_uring_cqe_seen(&ring, cqe);
}

int main(void)
{
	struct __kernel_timespec soon = { 0, 30000000 }, late = { 30, 0 };
	struct io_uring_cqe *cqe = NULL;
	char buf[5];

	if (io_uring_queue_init(8, &ring, 0))
		return 0; /* not in this kernel, or forbidden */
	sem_init(&go, 0, 0);
	MUST(pipe(p) == 0);
	for (int way = 0; way < 4; way++) {
		uint64_t begin = now_us();
		pthread_t t;

		alarm(10);
		pthread_create(&t, NULL, write_later, NULL);
		memset(buf, 0, sizeof(buf));
		submit_read(buf);
		MUST(way == 1 || io_uring_submit(&ring) == 1);
		if (!way) {
			MUST(io_uring_wait_cqe_timeout(&ring, &cqe, &soon) == -ETIME);
			MUST(now_us() - begin >= 30000);
		}
		sem_post(&go);
		if (way == 0)
			MUST(io_uring_wait_cqe(&ring, &cqe) == 0);
		else if (way == 1)
			MUST(io_uring_submit_and_wait(&ring, 1) == 1 && io_uring_peek_cqe(&ring, &cqe) == 0);
		else if (way == 2)
			MUST(io_uring_wait_cqes(&ring, &cqe, 1, &late, NULL) == 0);
		else
			MUST(io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &late, NULL) == 0);
		check(cqe, buf);
		pthread_join(t, NULL);
	}
	io_uring_queue_exit(&ring);
	return 0;
}
