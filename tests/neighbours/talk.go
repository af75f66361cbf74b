// An HTTP server and its clients, a child, names.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"time"
)

func main() {
	var group sync.WaitGroup
	var lock sync.Mutex
	bytes := 0
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Millisecond)
		fmt.Fprint(w, "hi", r.URL.Path)
	}))
	for i := 0; i < 50; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			r, err := http.Get(fmt.Sprintf("http://%s/%d", l.Addr(), i))
			if err != nil {
				panic(err)
			}
			body, _ := io.ReadAll(r.Body)
			lock.Lock()
			bytes += len(body)
			lock.Unlock()
		}(i)
	}
	group.Wait()
	said, _ := exec.Command("echo", "child").Output()
	_, err := net.LookupHost("localhost")
	fmt.Println(bytes, string(said), err)
}
