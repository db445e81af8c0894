package main

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

// work does the nth of a number of equal pieces.
type work func(n int)

// sample is what pairs of slices gave: the medians of the ratio of both times,
// and of the time for one piece.
type sample struct {
	ratio float64
	each  time.Duration
}

// paired times two kinds of work on the same pieces, slice by slice and in random
// order, so that whatever slows the machine slows both. Each round opens both
// anew.
func paired(rounds, pieces, slice int, open func() (a, b work, err error)) (sample, error) {
	var ratios []float64
	var times []time.Duration
	for range rounds {
		a, b, err := open()
		if err != nil {
			return sample{}, err
		}
		for from := 0; from+slice <= pieces; from += slice {
			var tookA, tookB time.Duration
			if rand.IntN(2) == 0 {
				tookA = timed(a, from, slice)
				tookB = timed(b, from, slice)
			} else {
				tookB = timed(b, from, slice)
				tookA = timed(a, from, slice)
			}
			ratios = append(ratios, float64(tookA)/float64(tookB))
			times = append(times, tookA/time.Duration(slice))
		}
	}
	return sample{median(ratios), median(times)}, nil
}

func timed(w work, from, slice int) time.Duration {
	start := time.Now()
	for n := from; n < from+slice; n++ {
		w(n)
	}
	return time.Since(start)
}

func median[T float64 | time.Duration](list []T) T { return quantile(list, 0.5) }

func quantile[T float64 | time.Duration](list []T, q float64) T {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[int(q*float64(len(sorted)-1))]
}

// cost is what one piece of work allocates.
type cost struct{ allocs, bytes int64 }

func (c cost) above(base cost) cost { return cost{c.allocs - base.allocs, c.bytes - base.bytes} }

func allocated(w work) cost {
	const runs = 200
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	w(0)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		w(0)
	}
	runtime.ReadMemStats(&after)
	per := func(n uint64) int64 { return int64(math.Round(float64(n) / runs)) }
	return cost{per(after.Mallocs - before.Mallocs), per(after.TotalAlloc - before.TotalAlloc)}
}

// heap is what is in use after everything else was collected.
func heap() int64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
