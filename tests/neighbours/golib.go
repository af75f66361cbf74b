// A library for golib.py: its runtime has threads of its own in somebody else's process.
package main

import "C"

import (
	"runtime"
	"time"
)

//export Sum
func Sum(n C.int) C.int {
	parts := make(chan int)
	for i := 0; i < 10; i++ {
		go func(i int) {
			time.Sleep(time.Millisecond)
			parts <- i * int(n)
		}(i)
	}
	sum := 0
	for i := 0; i < 10; i++ {
		sum += <-parts
	}
	return C.int(sum)
}

//export Spin
func Spin(n C.int) C.int {
	x := 1
	for i := 0; i < int(n)*1000000; i++ {
		x = x*3 + i
		if i%1000000 == 0 {
			runtime.GC()
		}
	}
	return C.int(x)
}

func main() {}
