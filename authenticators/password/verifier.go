package password

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/internal/throttle"
)

// Config is the configuration of a [Verifier]. Lookup is required.
type Config struct {
	// Lookup finds a user's hash, and the client that the user is when the
	// password is right. It is called on every request, also for a password that
	// is remembered, so that a new hash or a user who is gone counts at once;
	// what it returns belongs to the request.
	//
	// A nil client, a nil pointer or an empty id is a user who does not exist or
	// may not log in. A hash beside it, such as another user's, is what finding
	// that out costs; without one it costs what users' hashes did that were
	// returned before, and until there was one, what those of Hash cost. An empty
	// hash is never right, which makes a user without a password.
	//
	// An error means that the lookup failed: 503. An *authstar.Error is taken as
	// it is, except that InvalidClient, and authstar.ErrNoCredentials, are a user
	// who does not exist. An error must not depend on whether a user exists. The
	// name is 1 to 1,024 bytes of UTF-8 without control characters.
	Lookup func(ctx context.Context, username string) (hash string, client authstar.Client, err error)

	// Canonical is the one spelling of a user name, which Lookup gets and under
	// which guesses are counted: where a database finds "Bob" and "bob " to be
	// one user, so must this. A name that becomes empty is not known to anyone.
	// nil gives Lookup the name as it came, and counts guesses in lower case
	// without space around the name, which is not enough for a database that
	// takes different forms of Unicode for the same.
	Canonical func(username string) string

	// ClientAddress is where a request comes from, for [Basic]. nil is
	// Request.RemoteAddr, which behind a reverse proxy is the proxy's for
	// everybody, so that one who guesses shuts out all.
	ClientAddress func(*http.Request) string

	// PerAccount and PerAddress are how many wrong passwords are allowed. The
	// zero values are 10 and one more every 30 s for an account, 50 and one more
	// every 2 s for an address.
	PerAccount, PerAddress Limit

	// MaxConcurrent is how many hashes run at once, up to 1,024. One of several
	// lanes counts as that many, and has all there are if those are fewer. 0 is
	// one less than GOMAXPROCS, at least one. Each takes the memory that its hash
	// asks for, 19 MiB for those of [Hash].
	MaxConcurrent int
	// MaxWaiting is how many requests may wait for that, up to 10,000; others are
	// 503. 0 is 16, a negative number none.
	MaxWaiting int

	// Remember is how long a right password is remembered, up to an hour; its use in
	// the second half of that time begins it anew. 0 is a minute, a negative
	// duration not at all.
	Remember time.Duration
	// MaxRemembered is how many are remembered, each in about 150 bytes, rounded
	// up to a multiple of 16. 0 is 10,000.
	MaxRemembered int

	// Observe is told of users whose hash is unusable, which for the client is a
	// wrong password. The error wraps ErrHash, and has the user's name in it. nil
	// tells nobody.
	Observe func(context.Context, error)
	// Now is the clock, which must not go backwards. nil is time.Now, whose
	// monotonic reading does not.
	Now func() time.Time
}

// Limit is how many wrong passwords are allowed.
type Limit struct {
	// Burst is how many are allowed in a row, 1 to 10,000.
	Burst int
	// Every is after how long one more is allowed, up to 24 hours.
	Every time.Duration
}

func (l Limit) check() error {
	if l.Burst < 1 || l.Burst > 10_000 || l.Every <= 0 || l.Every > 24*time.Hour {
		return errors.New("needs a Burst of 1 to 10,000, and an Every of more than 0 and at most 24 hours")
	}
	return nil
}

// Verifier checks passwords. [Verifier.Check] and [Verifier.CheckFrom] return the
// same for an unknown user, a wrong password and a hash that is broken: no client
// and no error, which a chain and a token endpoint answer with 401. They take the
// same time as well, as far as Lookup does.
//
// Errors are authstar.TemporarilyUnavailable: 503 when too many passwords are
// being checked or Lookup fails, and 429 when there were too many wrong ones,
// which are counted for an account and an address, whether the account exists or
// not. Both have a RetryAfter; neither is remembered. Other errors are Lookup's.
//
// A right password is remembered by a MAC over it, the user's name and hash and
// the address, under a key of this verifier. The client is always the one that
// Lookup returned for the request.
//
// A Verifier is safe for concurrent use and starts no goroutine. In one program,
// all ways into the same accounts should share one, so that guesses are counted
// together.
type Verifier struct {
	config   Config
	accounts *throttle.Throttle
	sources  *throttle.Throttle
	gate     *gate
	turns    turns
	digests  *digester
	memory   *memory
	decoys   *decoys
}

// New makes a Verifier. It reports everything that is missing or out of bounds at
// once.
func New(config Config) (*Verifier, error) {
	if config.PerAccount == (Limit{}) {
		config.PerAccount = Limit{Burst: 10, Every: 30 * time.Second}
	}
	if config.PerAddress == (Limit{}) {
		config.PerAddress = Limit{Burst: 50, Every: 2 * time.Second}
	}
	if config.ClientAddress == nil {
		config.ClientAddress = func(r *http.Request) string { return r.RemoteAddr }
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if err := config.validate(); err != nil {
		return nil, err
	}
	limit := func(l Limit) *throttle.Throttle {
		return throttle.New(throttle.Config{Burst: l.Burst, Every: l.Every, Now: config.Now})
	}
	return &Verifier{
		config:   config,
		accounts: limit(config.PerAccount),
		sources:  limit(config.PerAddress),
		gate:     newGate(config.MaxConcurrent, config.MaxWaiting),
		digests:  newDigester(),
		memory:   newMemory(config.Remember, config.MaxRemembered),
		decoys:   newDecoys(),
	}, nil
}

func (c *Config) validate() error {
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("password: Config."+format, args...))
	}
	if c.Lookup == nil {
		fail("Lookup: required")
	}
	if err := c.PerAccount.check(); err != nil {
		fail("PerAccount: %w", err)
	}
	if err := c.PerAddress.check(); err != nil {
		fail("PerAddress: %w", err)
	}
	if c.MaxConcurrent < 0 || c.MaxConcurrent > 1024 {
		fail("MaxConcurrent: must be 0 to 1,024")
	}
	if c.MaxWaiting > 10_000 {
		fail("MaxWaiting: must be at most 10,000")
	}
	if c.Remember > maxRemember {
		fail("Remember: must be at most an hour")
	}
	if c.MaxRemembered < 0 {
		fail("MaxRemembered: must not be negative")
	}
	return errors.Join(errs...)
}

// Check returns the client whose user name and password these are. It is an
// authenticators.PasswordFunc, and fits tokenendpoint.Config.Authenticate.
//
// It does not know where a request comes from. Thus nothing is counted by
// address, and while there are too many wrong guesses at an account, the right
// password is refused as well: whoever keeps guessing shuts its user out. Use
// CheckFrom where the request is at hand; its example ClientMethod does so at a
// token endpoint.
func (v *Verifier) Check(ctx context.Context, username, password string) (authstar.Client, error) {
	return v.check(ctx, "", username, password)
}

// CheckFrom is Check for a request from an address, such as that of
// http.Request.RemoteAddr, with or without a port; of an IPv6 address its network
// of 64 bits counts. Guesses are counted by address too, and a password that is
// remembered from this address is right also while others guess at the account.
func (v *Verifier) CheckFrom(ctx context.Context, address, username, password string) (authstar.Client, error) {
	return v.check(ctx, throttle.Address(address), username, password)
}

// Purge forgets all remembered passwords, so that the next request of each is
// verified by its hash.
func (v *Verifier) Purge() { v.memory.clear() }

// attempt is one credential from one source, which is empty when it is not known.
type attempt struct {
	account, source string
	name, password  string
	digest          digest
	target          *parsed // the user's, or one that costs the same
	known           bool    // it is the user's
}

func (v *Verifier) check(ctx context.Context, source, username, password string) (authstar.Client, error) {
	if usable(username) != nil || usable(password) != nil {
		return nil, nil
	}
	a := attempt{account: strings.ToLower(strings.TrimSpace(username)), source: source, name: username, password: password}
	if v.config.Canonical != nil {
		a.name = v.config.Canonical(username)
		a.account = a.name
	}
	if a.name == "" || a.account == "" {
		return nil, nil
	}
	// Who may not guess must not find out what is remembered either, except that
	// the user's own address may when others guess.
	account := a.account
	if source != "" {
		account = ""
	}
	if err := v.allow(account, source); err != nil {
		return nil, err
	}
	text, client, err := v.lookup(ctx, a.name)
	if err != nil {
		return nil, err
	}
	a.known = !isNobody(client)
	a.digest = v.digests.of(source, a.name, password, text)
	if !v.remembers(&a) {
		v.aim(ctx, &a, text)
		if right, err := v.verify(ctx, &a); err != nil || !right {
			return nil, err
		}
	}
	return client, nil
}

func (v *Verifier) remembers(a *attempt) bool {
	return a.known && v.memory.has(a.digest, v.config.Now())
}

// allow refuses when there were too many wrong passwords. An empty name is not
// asked for.
func (v *Verifier) allow(account, source string) error {
	var wait time.Duration
	if source != "" {
		_, wait = v.sources.Allow(source)
	}
	if account != "" {
		_, more := v.accounts.Allow(account)
		wait = max(wait, more)
	}
	if wait == 0 {
		return nil
	}
	return &authstar.Error{
		Code: authstar.TemporarilyUnavailable, StatusCode: http.StatusTooManyRequests, RetryAfter: wait,
		Err: errors.New("password: too many wrong passwords"),
	}
}

func (v *Verifier) lookup(ctx context.Context, name string) (string, authstar.Client, error) {
	text, client, err := v.config.Lookup(ctx, name)
	if err == nil {
		return text, client, nil
	}
	var stated *authstar.Error
	switch {
	case errors.Is(err, authstar.InvalidClient), errors.Is(err, authstar.ErrNoCredentials) && !errors.As(err, &stated):
		return "", nil, nil
	case errors.As(err, &stated):
		return "", nil, err
	}
	return "", nil, &authstar.Error{Code: authstar.TemporarilyUnavailable, Err: err}
}

// aim decides which hash to verify.
func (v *Verifier) aim(ctx context.Context, a *attempt, text string) {
	h, err := parse(text)
	if err != nil {
		if a.known && text != "" && v.config.Observe != nil {
			v.config.Observe(ctx, fmt.Errorf("%w of user %q: %w", ErrHash, a.name, err))
		}
		a.target, a.known = v.decoys.pick(a.name), false
		return
	}
	if a.known {
		v.decoys.learn(h)
	}
	a.target = h
}

// verify computes the hash of an attempt, unless it finds that another request
// with the same one has.
func (v *Verifier) verify(ctx context.Context, a *attempt) (bool, error) {
	done := v.turns.take(ctx, a.digest)
	defer done()
	if v.remembers(a) {
		return true, nil
	}
	if err := v.allow(a.account, a.source); err != nil {
		return false, err
	}
	leave, err := v.gate.enter(ctx, a.target.lanes())
	if err != nil {
		return false, err
	}
	defer leave()
	if err := v.allow(a.account, a.source); err != nil { // by those that were wrong meanwhile
		return false, err
	}
	if !a.target.matches(a.password) || !a.known {
		v.accounts.Fail(a.account)
		if a.source != "" {
			v.sources.Fail(a.source)
		}
		return false, nil
	}
	v.accounts.Succeed(a.account)
	v.memory.add(a.digest, v.config.Now())
	return true, nil
}

func isNobody(client authstar.Client) bool {
	if client == nil {
		return true
	}
	value := reflect.ValueOf(client)
	return value.Kind() == reflect.Pointer && value.IsNil() || client.ClientID() == ""
}

// String hides what a Verifier remembers from those who print it.
func (v *Verifier) String() string { return "password.Verifier" }

// GoString is String, so that %#v shows no more.
func (v *Verifier) GoString() string { return v.String() }

// LogValue is String.
func (v *Verifier) LogValue() slog.Value { return slog.StringValue(v.String()) }
