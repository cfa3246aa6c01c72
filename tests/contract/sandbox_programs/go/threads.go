package main

import (
	"fmt"
	"runtime"
	"sync"
)

func main() {
	runtime.GOMAXPROCS(4)
	var group sync.WaitGroup
	squares := make([]int, 8)
	for i := range squares {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			runtime.LockOSThread()
			squares[i] = i * i
		}(i)
	}
	group.Wait()
	sum := 0
	for _, square := range squares {
		sum += square
	}
	fmt.Println(sum)
}
