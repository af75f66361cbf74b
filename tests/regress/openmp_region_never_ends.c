/* modes: native async */
/* link: -fopenmp */
/*
 * The first parallel region of OpenMP never ended: libgomp waits by futex instructions of its own, which stopped the one kernel
 * thread before its workers had run.
 */
#include "must.h"

#include <omp.h>

static volatile int stop;
static volatile long ticks;

static void *ticker(void *arg)
{
	while (!stop) {
		pause_us(1000);
		ticks++;
	}
	return arg;
}

/* Waits for the others at a barrier while one of them sleeps: the ticker must go on. */
static void sleeper_at_a_barrier(void)
{
	long before = ticks, seen = 0;

	#pragma omp parallel num_threads(4)
	{
		if (omp_get_thread_num() == 3)
			pause_us(100000);
		#pragma omp barrier
		#pragma omp master
		seen = ticks - before;
	}
	MUST(seen > 5);
}

static long loops(void)
{
	long sum = 0;

	#pragma omp parallel for reduction(+ : sum) schedule(dynamic, 7) num_threads(5)
	for (long i = 0; i < 10000; i++)
		sum += i % 13;
	#pragma omp parallel for ordered reduction(+ : sum) schedule(static, 1) num_threads(4)
	for (int i = 0; i < 40; i++) {
		#pragma omp ordered
		sum = sum * 3 % 100003 + i;
	}
	for (int k = 0; k < 200; k++) {
		#pragma omp parallel num_threads(3)
		{
			#pragma omp critical
			sum++;
			#pragma omp single
			sum++;
		}
	}
	return sum;
}

static long fib(int n)
{
	long a, b;

	if (n < 2)
		return n;
	#pragma omp task shared(a)
	a = fib(n - 1);
	#pragma omp task shared(b)
	b = fib(n - 2);
	#pragma omp taskwait
	return a + b;
}

static long tasks(void)
{
	long r = 0;

	#pragma omp parallel num_threads(4)
	{
		#pragma omp single
		r = fib(12);
		#pragma omp sections reduction(+ : r)
		{
			#pragma omp section
			r += 1;
			#pragma omp section
			{
				pause_us(1000);
				r += 10;
			}
		}
	}
	return r;
}

static long locks(void)
{
	omp_nest_lock_t nest;
	omp_lock_t lock;
	long n = 0;

	omp_init_lock(&lock);
	omp_init_nest_lock(&nest);
	#pragma omp parallel num_threads(6)
	for (int i = 0; i < 20; i++) {
		omp_set_lock(&lock);
		n++;
		if (i % 10 == 0)
			pause_us(100); /* held while its owner waits */
		omp_unset_lock(&lock);
		omp_set_nest_lock(&nest);
		omp_set_nest_lock(&nest);
		n++;
		omp_unset_nest_lock(&nest);
		omp_unset_nest_lock(&nest);
	}
	omp_destroy_nest_lock(&nest);
	omp_destroy_lock(&lock);
	return n;
}

int main(void)
{
	pthread_t t;

	printf("%ld %ld %ld\n", loops(), tasks(), locks());
	MUST(!pthread_create(&t, NULL, ticker, NULL));
	sleeper_at_a_barrier();
	stop = 1;
	MUST(!pthread_join(t, NULL));
	printf("%ld\n", loops());
	return 0;
}
