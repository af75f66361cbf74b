/* A program with a libuv of its own, linked or exported: its loop and ours never meet. link: -luv */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

static int fired, slept;

static void on_timer(uv_timer_t *t)
{
	if (++fired == 20)
		uv_timer_stop(t);
}

static void in_pool(uv_work_t *w)
{
	(void)w;
	usleep(1000);
}

static void *sleeper(void *arg)
{
	for (int i = 0; i < 20; i++) {
		usleep(1000);
		slept++;
	}
	return arg;
}

int main(void)
{
	uv_timer_t timer;
	uv_work_t work;
	pthread_t t;

	pthread_create(&t, NULL, sleeper, NULL);
	uv_timer_init(uv_default_loop(), &timer);
	uv_timer_start(&timer, on_timer, 1, 1);
	uv_queue_work(uv_default_loop(), &work, in_pool, NULL);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	pthread_join(t, NULL);
	printf("%d fired, %d slept\n", fired, slept);
	return 0;
}
