package password

import "context"

// Cost is what a hash within bounds asks for.
type Cost struct {
	Bcrypt       int
	Memory, Time uint32
	Parallelism  uint8
}

// Reformat parses a hash and prints it.
func Reformat(s string) (text string, cost Cost, err error) {
	h, err := parse(s)
	if err != nil {
		return "", Cost{}, err
	}
	return h.String(), Cost{h.cost, h.memory, h.time, h.parallelism}, nil
}

// NewGate returns the method of a gate that lets hashes in.
func NewGate(size, queue int) func(ctx context.Context, lanes int64) (leave func(), err error) {
	return newGate(size, queue).enter
}

// DecoyFor returns the hash that costs what an unknown user's would, after hashes
// of other users were seen.
func DecoyFor(seen ...string) func(name string) string {
	d := newDecoys()
	for _, s := range seen {
		if h, err := parse(s); err == nil {
			d.learn(h)
		}
	}
	return func(name string) string { return d.pick(name).String() }
}
