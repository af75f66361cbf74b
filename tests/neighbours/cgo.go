// Goroutines that wait in C, and make threads there.
package main

/*
#include <pthread.h>
#include <unistd.h>
static void nap(void) { usleep(2000); }
static void *seven(void *arg) { nap(); return (void *)7; }
static int thread(void)
{
	pthread_t t;
	void *r;

	return pthread_create(&t, NULL, seven, NULL) || pthread_join(t, &r) ? -1 : (int)(long)r;
}
*/
import "C"

import (
	"fmt"
	"sync"
)

func main() {
	var group sync.WaitGroup
	var lock sync.Mutex
	sum := 0
	for i := 0; i < 20; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			C.nap()
			n := int(C.thread())
			lock.Lock()
			sum += n
			lock.Unlock()
		}()
	}
	group.Wait()
	fmt.Println(sum)
}
