/*
 * Threads with an alternate signal stack. One computes with a stack pointer that has no room below it, as Erlang's code does: what makes
 * it give way must not write there. Others wait in their handlers of a fault: their frames must not lie where the next one's go.
 */
#include "must.h"
#include <sys/mman.h>

#define SIZE 65536
#define PAGE 4096

static volatile int ticks, stop;
static char *pages;

static void *ticker(void *arg)
{
	for (; ticks < 20; ticks++)
		pause_us(1000);
	stop = 1;
	return arg;
}

static void own_stack(void)
{
	MUST(!sigaltstack(&(stack_t){ .ss_sp = malloc(SIZE), .ss_size = SIZE }, NULL));
}

static void spin(char *sp)
{
#ifdef __x86_64__
	__asm__ volatile("movq %%rsp, %%r12; movq %0, %%rsp\n"
			 "1: cmpl $0, %1; je 1b\n"
			 "movq %%r12, %%rsp"
			 : : "r"(sp), "m"(stop) : "r12", "memory");
#else
	while (!stop)
		(void)sp;
#endif
}

static void *computes(void *arg)
{
	static char heap[16384] __attribute__((aligned(16)));

	own_stack();
	memset(heap, 0x5a, sizeof(heap));
	spin(heap + sizeof(heap) / 2);
	for (size_t i = 0; i < sizeof(heap); i++)
		MUST(heap[i] == 0x5a);
	return arg;
}

static void fill_in(int sig, siginfo_t *info, void *context)
{
	char *page = (char *)((uintptr_t)info->si_addr & ~(PAGE - 1ul));

	(void)sig, (void)context;
	MUST(page >= pages && page < pages + 20 * PAGE);
	pause_us(1000 * (1 + (page - pages) / PAGE % 5));
	MUST(!mprotect(page, PAGE, PROT_READ | PROT_WRITE));
	MUST(page == (char *)((uintptr_t)info->si_addr & ~(PAGE - 1ul)));
}

static void *faults(void *arg)
{
	long sum = 0, k = (long)arg;

	own_stack();
	for (long i = 0; i < 4; i++) {
		volatile double x = 1.5 * (double)k, y = x + (double)pages[(i * 5 + k) * PAGE];

		sum += (long)(2 * y);
	}
	return (void *)(sum - 12 * k);
}

int main(void)
{
	struct sigaction act = { .sa_sigaction = fill_in, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	pthread_t t[7];

	pages = mmap(NULL, 20 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(pages != MAP_FAILED && !sigaction(SIGSEGV, &act, NULL));
	t[0] = start(ticker, NULL);
	t[1] = start(computes, NULL);
	for (long i = 0; i < 5; i++)
		t[2 + i] = start(faults, (void *)i);
	for (int i = 0; i < 7; i++) {
		void *r;

		MUST(!pthread_join(t[i], &r) && !r);
	}
	return 0;
}
