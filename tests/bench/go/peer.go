// peer.go - the workloads of the C programs, with goroutines: what Go makes of them. The same figures, the same checks.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func check(ok bool, what string) {
	if !ok {
		fmt.Fprintln(os.Stderr, "go peer: not so:", what)
		os.Exit(1)
	}
}

func must(err error) {
	check(err == nil, fmt.Sprint(err))
}

func num(s string) int {
	n, err := strconv.Atoi(s)
	must(err)
	return n
}

func usage() (cpu float64, peakMB float64) {
	var u syscall.Rusage
	must(syscall.Getrusage(0, &u))
	return float64(u.Utime.Nano() + u.Stime.Nano()), float64(u.Maxrss) / 1024
}

func costOfUnit(run func(int), n int, seconds float64) {
	for {
		cpu, _ := usage()
		t := time.Now()
		run(n)
		wall := float64(time.Since(t))
		end, _ := usage()
		if wall >= seconds*1e9 {
			fmt.Println("cpu_ns", (end-cpu)/float64(n))
			fmt.Println("wall_ns", wall/float64(n))
			return
		}
		if wall*4 >= seconds*1e9 {
			n *= 2
		} else {
			n *= 4
		}
	}
}

func echo(connections int) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	must(err)
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	total := make(chan int, connections)
	for i := 0; i < connections; i++ {
		conn, err := listener.Accept()
		must(err)
		go func() {
			buf := make([]byte, 1024)
			sum := 0
			for {
				n, err := conn.Read(buf)
				if err == io.EOF {
					break
				}
				must(err)
				_, err = conn.Write(buf[:n])
				must(err)
				sum += n
			}
			conn.Close()
			total <- sum
		}()
	}
	bytes := 0
	for i := 0; i < connections; i++ {
		bytes += <-total
	}
	fmt.Println("bytes", bytes)
}

func spawn(n int) {
	const batch = 1000
	for ; n > 0; n -= batch {
		var wg sync.WaitGroup
		var results [batch]int
		wg.Add(batch)
		for i := 0; i < batch; i++ {
			go func(i int) {
				results[i] = (i + 1) ^ 0x5555
				wg.Done()
			}(i)
		}
		wg.Wait()
		for i, r := range results {
			check(r == (i+1)^0x5555, "result")
		}
	}
}

func yields(n int) {
	var wg sync.WaitGroup
	var step int64
	for me := 0; me < 2; me++ {
		wg.Add(1)
		go func(me int) {
			for i := me; i < n; i += 2 {
				for atomic.LoadInt64(&step) != int64(i) {
					runtime.Gosched()
				}
				atomic.StoreInt64(&step, int64(i+1))
			}
			wg.Done()
		}(me)
	}
	wg.Wait()
	check(step == int64(n), "step")
}

func signals(n int) {
	var lock sync.Mutex
	turned := [2]*sync.Cond{sync.NewCond(&lock), sync.NewCond(&lock)}
	var wg sync.WaitGroup
	step := 0
	for me := 0; me < 2; me++ {
		wg.Add(1)
		go func(me int) {
			lock.Lock()
			for i := me; i < n; i += 2 {
				for step%2 != me {
					turned[me].Wait()
				}
				check(step == i, "step")
				step = i + 1
				turned[1-me].Signal()
			}
			lock.Unlock()
			wg.Done()
		}(me)
	}
	wg.Wait()
	check(step == n, "step")
}

func sleepers(n int, us int, rounds int) {
	var wg sync.WaitGroup
	d := time.Duration(us) * time.Microsecond
	late := make([]int, n*rounds)
	start := time.Now()
	for i := 0; i < n; i++ {
		wg.Add(1)
		go func(first int) {
			for r := first; r < first+rounds; r++ {
				t := time.Now()
				time.Sleep(d)
				late[r] = int(time.Since(t) - d)
			}
			wg.Done()
		}(i * rounds)
	}
	wg.Wait()
	wall := time.Since(start)
	early := 0
	for _, l := range late {
		if l < 0 {
			early++
		}
	}
	sort.Ints(late)
	_, peak := usage()
	if rounds > 1 {
		fmt.Println("round_us", float64(wall)/1e3/float64(rounds))
	} else {
		fmt.Println("wall_s", wall.Seconds())
	}
	fmt.Println("early", early)
	fmt.Println("late_p50_us", float64(late[len(late)/2])/1e3)
	fmt.Println("late_p99_us", float64(late[(len(late)-1)*99/100])/1e3)
	fmt.Println("peak_MB", peak)
	check(early == 0, "nobody early")
}

func fetch(port string, n int) {
	var wg sync.WaitGroup
	start := time.Now()
	cpu, _ := usage()
	for i := 0; i < n; i++ {
		wg.Add(1)
		go func(i int) {
			t := time.Now()
			conn, err := net.Dial("tcp4", "127.0.0.1:"+port)
			must(err)
			_, err = fmt.Fprintf(conn, "GET /%d HTTP/1.0\r\n\r\n", i)
			must(err)
			got, err := io.ReadAll(conn)
			must(err)
			conn.Close()
			check(time.Since(t) >= 50*time.Millisecond, "50 ms")
			var body strings.Builder
			for k := 0; k < 1000; k++ {
				body.WriteByte(byte('a' + (k+i)%26))
			}
			check(string(got) == "HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n"+body.String(), "answer")
			wg.Done()
		}(i)
	}
	wg.Wait()
	end, _ := usage()
	fmt.Println("wall_ms", float64(time.Since(start))/1e6)
	fmt.Println("cpu_ms", (end-cpu)/1e6)
}

func queue(threads int) func(int) {
	pairs := threads / 2
	return func(items int) {
		type item struct{ producer, number int }
		each := (items + pairs - 1) / pairs
		c := make(chan item, 64)
		var wg sync.WaitGroup
		var total int64
		for p := 0; p < pairs; p++ {
			wg.Add(2)
			go func(p int) {
				for i := 1; i <= each; i++ {
					c <- item{p, i}
				}
				wg.Done()
			}(p)
			go func() {
				sum := 0
				last := make([]int, pairs) // a consumer sees a part of each producer's items, in their order
				for i := 0; i < each; i++ {
					it := <-c
					check(it.number > last[it.producer], "order")
					last[it.producer] = it.number
					sum += it.number
				}
				atomic.AddInt64(&total, int64(sum))
				wg.Done()
			}()
		}
		wg.Wait()
		check(len(c) == 0 && total == int64(pairs)*int64(each)*int64(each+1)/2, "each item once")
	}
}

func main() {
	args := os.Args[1:]
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return "1"
	}
	seconds := func(i int) float64 {
		s, err := strconv.ParseFloat(arg(i), 64)
		must(err)
		return s
	}
	switch arg(0) {
	case "echo_threads":
		echo(num(arg(1)))
	case "spawn":
		costOfUnit(spawn, 1000, seconds(1))
	case "handover":
		if arg(1) == "yield" {
			costOfUnit(yields, 2000, seconds(2))
		} else {
			costOfUnit(signals, 2000, seconds(2))
		}
	case "sleepers":
		sleepers(num(arg(1)), num(arg(2)), num(arg(3)))
	case "fetch_all":
		fetch(arg(1), num(arg(2)))
	case "queue":
		costOfUnit(queue(num(arg(1))), 6400, seconds(2))
	default:
		check(false, "a workload")
	}
}
