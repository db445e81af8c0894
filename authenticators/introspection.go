package authenticators

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json"
	"golang.org/x/sync/singleflight"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/internal/claims"
	"github.com/authstar/authstar/internal/endpointurl"
)

// IntrospectionConfig says how tokens are checked at their issuer (RFC 7662).
// URL, ClientID, ClientSecret, Issuer and Audiences are required.
type IntrospectionConfig struct {
	// URL is the introspection endpoint: https, or http on a loopback address.
	URL string
	// ClientID and ClientSecret are what this API authenticates with, by HTTP
	// Basic, form-encoded as RFC 6749 section 2.3.1 says, or with SecretInForm as
	// parameters of the form.
	ClientID, ClientSecret string
	SecretInForm           bool

	// Issuer is who vouches for the clients. An answer that names another is
	// refused.
	Issuer string
	// Audiences are this API's names; an active token is for it when the answer
	// has at least one of them in "aud".
	Audiences []string
	// InsecureSkipAudience accepts answers without "aud", which many servers
	// leave out, and then instead of Audiences. It is right where the server
	// answers only for access tokens that are meant for the client that asks. Of a
	// refresh token nothing but "token_type" tells, which some servers leave out.
	InsecureSkipAudience bool

	// ScopeClaims are as in JWTConfig.
	ScopeClaims []string
	// Client makes the application's own client, as in JWTConfig. Of the Token,
	// Type, Algorithm and KeyID are empty.
	Client func(context.Context, *Token) (authstar.Client, error)

	// HTTPClient sends the requests. nil is one of its own. Redirects are not
	// followed.
	HTTPClient *http.Client
	// Timeout is for one request: 100 ms to 1 minute. 0 is 5 seconds.
	Timeout time.Duration
	// Leeway is how far the clocks may be apart: 0 to 5 minutes.
	Leeway time.Duration

	// CacheSize is how many answers are remembered, as in JWTConfig; 0 is 10,000,
	// a negative number none. Outages are not remembered.
	CacheSize int
	// CacheTTL is how long an active token is remembered, at most until it
	// expires, and so how long a revocation may take to be seen: up to 1 hour. 0 is
	// 1 minute.
	CacheTTL time.Duration
	// NegativeTTL is how long a token that is not active is remembered: up to 1
	// minute. 0 is 10 seconds.
	NegativeTTL time.Duration

	// Now is the clock. nil is time.Now.
	Now func() time.Time
}

// Introspection asks the issuer about every token that it does not remember: a
// [TokenVerifier] for opaque tokens. In a Bearer it takes the tokens that no
// other verifier accepts. It is safe for concurrent use; concurrent requests
// with one token share one question, which none of them can cancel. There are at
// most 100 questions at once, and 1,000 wait for these; beyond, and where one waits
// for longer than Timeout, requests are TemporarilyUnavailable (503). An answer has
// 64 KiB at most, and its "aud", "scope" and "scp" 256 elements.
//
// The client is the answer's "sub". Where there is neither that nor a "username",
// nobody but an application is behind the token, and the client is its "client_id". A
// user's token without "sub" names no client, and so is InvalidToken: names of users
// change hands, and the application is not the user.
type Introspection struct {
	config IntrospectionConfig
	claims *JWT // reads scopes
	client *http.Client
	cache  *table[answer]
	flight singleflight.Group
	asking *questions
	errs   error
}

// answer is what the issuer said; token is nil when it is not active.
type answer struct {
	token *Token
	until time.Time
}

// NewIntrospection makes an Introspection; authstar.New reports what is wrong
// with its configuration.
func NewIntrospection(config IntrospectionConfig) *Introspection {
	i := &Introspection{config: config, asking: newQuestions()}
	c := &i.config
	c.Audiences, c.ScopeClaims = slices.Clone(c.Audiences), slices.Clone(c.ScopeClaims)
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("authenticators: IntrospectionConfig."+format, args...))
	}
	if _, err := endpointurl.Parse(c.URL); err != nil {
		fail("URL %q: %w", endpointurl.WithoutUser(c.URL), err)
	}
	if c.ClientID == "" || c.ClientSecret == "" {
		fail("ClientID and ClientSecret: required")
	}
	if c.Issuer == "" {
		fail("Issuer: required")
	}
	if slices.Contains(c.Audiences, "") || (len(c.Audiences) == 0) != c.InsecureSkipAudience {
		fail("Audiences: at least one, none of them empty, or else InsecureSkipAudience")
	}
	bounded := func(name string, v *time.Duration, otherwise, least, most time.Duration) {
		if *v = cmp.Or(*v, otherwise); *v < least || *v > most {
			fail("%s %v: must be %v to %v", name, *v, least, most)
		}
	}
	bounded("Timeout", &c.Timeout, 5*time.Second, 100*time.Millisecond, time.Minute)
	bounded("Leeway", &c.Leeway, 0, 0, maxLeeway)
	bounded("CacheTTL", &c.CacheTTL, time.Minute, time.Millisecond, time.Hour)
	bounded("NegativeTTL", &c.NegativeTTL, 10*time.Second, time.Millisecond, time.Minute)
	if c.Now == nil {
		c.Now = time.Now
	}
	i.claims = &JWT{config: JWTConfig{ScopeClaims: c.ScopeClaims, Leeway: c.Leeway, Client: c.Client}}
	i.client = new(http.Client)
	if c.HTTPClient != nil {
		*i.client = *c.HTTPClient
	}
	i.client.Jar = nil
	i.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	i.cache = newTable[answer](cmp.Or(c.CacheSize, defaultCacheSize))
	i.errs = errors.Join(errs...)
	return i
}

// Validate reports what is wrong with the configuration.
func (i *Introspection) Validate() error {
	if i.asking == nil {
		return errors.New("an Introspection that NewIntrospection did not make")
	}
	return i.errs
}

// VerifyToken implements [TokenVerifier]. A token that is not active is
// InvalidToken. Anything but a well-formed answer of the endpoint, a refusal of
// this API's own credentials included, is TemporarilyUnavailable.
func (i *Introspection) VerifyToken(ctx context.Context, token string) (authstar.Client, error) {
	if err := i.Validate(); err != nil {
		return nil, err
	}
	if len(token) > maxToken {
		return nil, errTooLong
	}
	d := digestOf(token)
	now := i.config.Now()
	if a, ok := i.cache.get(d); ok && now.Before(a.until) {
		return i.settle(ctx, a, now)
	}
	// A question from before a Purge is not shared with requests after it.
	clears := i.cache.clears.Load()
	result := i.flight.DoChan(fmt.Sprintf("%d %x", clears, d), func() (any, error) { return i.consult(ctx, token, d, clears) })
	select {
	case r := <-result:
		if r.Err != nil {
			return nil, unavailable(r.Err)
		}
		return i.settle(ctx, r.Val.(answer), i.config.Now())
	case <-ctx.Done():
		return nil, &authstar.Error{Code: authstar.TemporarilyUnavailable, Err: ctx.Err()}
	}
}

// consult asks, detached from the request, and remembers the answer. A panic, as
// of the application's http.RoundTripper, would end the program here.
func (i *Introspection) consult(ctx context.Context, token string, d digest, clears uint64) (a answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("introspection: a panic (%T)", p)
		}
	}()
	// A question that ended between the look into the cache and this one.
	if a, ok := i.cache.get(d); ok && i.config.Now().Before(a.until) {
		return a, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), i.config.Timeout)
	defer cancel()
	end, err := i.asking.begin(ctx)
	if err != nil {
		return a, err
	}
	defer end()
	if a, err = i.ask(ctx, token); err != nil {
		return a, err
	}
	// Junk makes room first, so that it pushes no good token out.
	i.cache.put(d, a, clears, func(a answer) bool { return a.token == nil || !i.config.Now().Before(a.until) })
	return a, nil
}

// settle makes a client of an answer, for this request alone.
func (i *Introspection) settle(ctx context.Context, a answer, now time.Time) (authstar.Client, error) {
	if a.token == nil {
		return nil, errBadToken
	}
	if !a.token.Expires.IsZero() && i.claims.isOver(a.token.Expires, now) {
		return nil, errExpired
	}
	return i.claims.client(ctx, a.token)
}

// Purge forgets all remembered answers, and those to questions under way.
func (i *Introspection) Purge() {
	if i.cache != nil {
		i.cache.clear()
	}
}

const maxAnswer = 64 << 10

// ask introspects one token (RFC 7662 section 2).
func (i *Introspection) ask(ctx context.Context, token string) (answer, error) {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	if i.config.SecretInForm {
		form.Set("client_id", i.config.ClientID)
		form.Set("client_secret", i.config.ClientSecret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.config.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if !i.config.SecretInForm {
		req.SetBasicAuth(url.QueryEscape(i.config.ClientID), url.QueryEscape(i.config.ClientSecret))
	}
	res, err := i.client.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("introspection: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return answer{}, fmt.Errorf("introspection: %w", err)
	case res.StatusCode == http.StatusBadRequest && refusesToken(body):
		return answer{until: i.config.Now().Add(i.config.NegativeTTL)}, nil
	case res.StatusCode != http.StatusOK:
		return answer{}, fmt.Errorf("introspection: %s answers %d", i.config.URL, res.StatusCode)
	case len(body) > maxAnswer:
		return answer{}, errors.New("introspection: the answer is too long")
	}
	if t, _, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return answer{}, errors.New("introspection: the answer is not JSON")
	}
	return i.read(strings.Trim(string(body), " \t\r\n"))
}

// refusesToken reports whether a 400 is about the token: some servers do not
// introspect what looks like a JSON Web Token, and nothing that a token looks
// like is an outage.
func refusesToken(body []byte) bool {
	var e struct {
		Error string `json:"error"`
	}
	return json.Unmarshal(body, &e) == nil && e.Error == "unsupported_token_type"
}

// read understands an answer. Without "active" it is none, and nobody can tell.
func (i *Introspection) read(body string) (answer, error) {
	set := claims.New(body)
	active, said := set.Lookup("active")
	now := i.config.Now()
	inactive := answer{until: now.Add(i.config.NegativeTTL)}
	if active != true {
		if active != false || !said {
			return answer{}, errors.New(`introspection: the answer has no "active"`)
		}
		return inactive, nil
	}
	var c registered
	if err := c.parse(body); err != nil {
		return answer{}, fmt.Errorf("introspection: %w", err)
	}
	t := &Token{
		Issuer: i.config.Issuer, Subject: subjectOf(&c, set), Audience: c.Audience, ClientID: c.ClientID, ID: c.ID,
		Expires: c.Expires, NotBefore: c.NotBefore, IssuedAt: c.IssuedAt, Scopes: i.claims.scopes(&c, set), claims: set,
	}
	forUs := slices.ContainsFunc(c.Audience, func(a string) bool { return slices.Contains(i.config.Audiences, a) })
	switch {
	case !usableName(t.Subject), c.Confirmation, !isBearer(set), !forUs && !i.config.InsecureSkipAudience,
		c.Issuer != "" && c.Issuer != i.config.Issuer,
		!t.Expires.IsZero() && i.claims.isOver(t.Expires, now), i.claims.isAhead(t.NotBefore, now):
		return inactive, nil
	}
	until := now.Add(i.config.CacheTTL)
	if !t.Expires.IsZero() && t.Expires.Add(i.config.Leeway).Before(until) {
		until = t.Expires.Add(i.config.Leeway)
	}
	return answer{token: t, until: until}, nil
}

// subjectOf is who the token is about, "" for a user of whom only the name is told
// (RFC 7662 section 2.2).
func subjectOf(c *registered, set *claims.Set) string {
	if username, _ := set.Lookup("username"); c.Subject != "" || username != nil && username != "" {
		return c.Subject
	}
	return c.ClientID
}

// isBearer reports whether the token that an answer is about may be used as this
// one was, as far as the answer says. Some servers have "access_token" there.
func isBearer(set *claims.Set) bool {
	v, _ := set.Lookup("token_type")
	name, _ := v.(string)
	return v == nil || strings.EqualFold(name, "Bearer") || name == "access_token"
}

// String shows nothing of the configuration but its URL, without a password.
func (c IntrospectionConfig) String() string {
	return "introspection at " + endpointurl.WithoutUser(c.URL)
}

// GoString is String, so that %#v shows no more.
func (c IntrospectionConfig) GoString() string { return c.String() }

// LogValue is String.
func (c IntrospectionConfig) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String hides the client's secret, and what is remembered.
func (i *Introspection) String() string { return i.config.String() }

// GoString is String, so that %#v shows no more.
func (i *Introspection) GoString() string { return i.String() }

// LogValue is String.
func (i *Introspection) LogValue() slog.Value { return slog.StringValue(i.String()) }
