package authstar

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// Result is what a chain found out about a request.
type Result struct {
	// Client is who it is, or nil.
	Client Client
	// Err is why a credential that was presented was not accepted, or nil. At
	// most one of Client and Err is set; with neither the request is anonymous.
	Err *Error
	// Scheme is that of the authenticator that decided; its ID is empty for an
	// anonymous request.
	Scheme Scheme
	// Schemes are those of the whole chain, in its order. They are shared by
	// all results and must not be modified. They are nil for a result that
	// comes from WithClient.
	Schemes []Scheme

	chain  *Chain
	misses *miss
	at     int
}

// Vary lists, for the header of that name, the request headers that the chain
// reads and that HTTP caches do not treat as private by themselves: cookies and
// API keys.
func (r Result) Vary() string {
	if r.chain == nil {
		return ""
	}
	return r.chain.vary
}

// Explain tells in one line, for people, how the result came about: which
// authenticators had nothing to say, which decided and why, and which were not
// asked; of chains inside others, those of the one that decided. It is built by the
// call, holds no credential, and is not for clients.
func (r Result) Explain() string {
	if r.chain == nil {
		if r.Client == nil {
			return "anonymous, without a chain"
		}
		return "given by WithClient"
	}
	from, to := 0, len(r.Schemes)
	if r.at >= 0 { // of nested chains the one that decided
		for _, start := range r.chain.starts {
			if start > r.at {
				to = start
				break
			}
			from = start
		}
	}
	parts := make([]string, 0, to-from)
	for i := from; i < to; i++ {
		said := "no credentials"
		switch {
		case r.at >= 0 && i > r.at:
			said = "not asked"
		case i == r.at && r.Err != nil:
			said = strings.TrimPrefix(r.Err.Error(), "authstar: ")
		case i == r.at:
			said = fmt.Sprintf("authenticated %q", r.Client.ClientID())
		default:
			if err := r.misses.find(i); err != nil {
				said = oneLine(strings.TrimPrefix(err.Error(), "authstar: "))
			}
		}
		parts = append(parts, r.Schemes[i].ID+": "+said)
	}
	return strings.Join(parts, "; ")
}

// LogValue shows the client's id and issuer, the scheme, the error and the
// explanation.
func (r Result) LogValue() slog.Value {
	var attrs []slog.Attr
	if r.Client != nil {
		attrs = append(attrs, slog.String("client_id", r.Client.ClientID()))
		if i, ok := r.Client.(interface{ ClientIssuer() string }); ok && i.ClientIssuer() != "" {
			attrs = append(attrs, slog.String("issuer", i.ClientIssuer()))
		}
	}
	if r.Scheme.ID != "" {
		attrs = append(attrs, slog.String("scheme", r.Scheme.ID))
	}
	if r.Err != nil {
		attrs = append(attrs, slog.Any("error", r.Err))
	}
	return slog.GroupValue(append(attrs, slog.String("explain", r.Explain()))...)
}

// String shows what LogValue shows, so that %v of a result has no claims in it.
func (r Result) String() string { return r.Explain() }

// GoString is String, so that %#v shows no more.
func (r Result) GoString() string { return r.Explain() }

// outcome is a Result as small as a context can carry it.
type outcome struct {
	chain  *Chain
	client Client
	err    *Error
	misses *miss
	at     int
}

// miss is why an authenticator had nothing, where it said more than
// ErrNoCredentials.
type miss struct {
	at   int
	err  error
	next *miss
}

func (m *miss) find(at int) error {
	for ; m != nil; m = m.next {
		if m.at == at {
			return m.err
		}
	}
	return nil
}

func (o *outcome) result() (res Result) {
	res.Client, res.Err, res.chain, res.misses, res.at = o.client, o.err, o.chain, o.misses, o.at
	if o.chain != nil {
		res.Schemes = o.chain.schemes
		if o.at >= 0 {
			res.Scheme = o.chain.schemes[o.at]
		}
	}
	return
}

// resultContext is a context and the outcome in one allocation.
type resultContext struct {
	context.Context
	outcome
}

// resultKey is the key of the one value that this package keeps in a context.
type resultKey struct{}

func (c *resultContext) Value(key any) any {
	if key == (resultKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// String hides the outcome from those who print a context.
func (c *resultContext) String() string { return fmt.Sprintf("%v.WithResult", c.Context) }

// GoString is String, so that %#v shows no more.
func (c *resultContext) GoString() string { return c.String() }

func fromContext(ctx context.Context) *resultContext {
	c, _ := ctx.Value(resultKey{}).(*resultContext)
	return c
}

// ResultFrom returns what the chain found, false when no chain ran.
func ResultFrom(ctx context.Context) (Result, bool) {
	if c := fromContext(ctx); c != nil {
		return c.result(), true
	}
	return Result{}, false
}
