package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/go-jose/go-jose/v4/json"

	"github.com/authstar/authstar/internal/endpointurl"
)

// source fetches JWK sets. Only one fetch runs at a time.
type source struct {
	config *RemoteConfig
	client *http.Client

	mu         sync.Mutex
	discovered string // the jwks_uri
	at         time.Time
}

// fetched is a set as it came, and how long it is fresh.
type fetched struct {
	parsed
	maxAge *time.Duration // nil: not said
}

// rediscover is how long a jwks_uri is believed.
const rediscover = 24 * time.Hour

func newSource(c *RemoteConfig) (*source, error) {
	s := &source{config: c, client: c.client()}
	switch {
	case c.URL == "" && c.Issuer == "":
		return nil, errors.New("jwks: RemoteConfig needs URL or Issuer")
	case c.URL != "" && (c.Issuer != "" || c.DiscoveryURL != ""):
		return nil, errors.New("jwks: RemoteConfig has URL and Issuer: one of them says where the keys are")
	}
	var errs []error
	for _, u := range []struct{ name, value string }{{"URL", c.URL}, {"Issuer", c.Issuer}, {"DiscoveryURL", c.DiscoveryURL}} {
		if u.value == "" {
			continue
		}
		check := endpointurl.Parse
		if u.name == "Issuer" {
			check = endpointurl.ParseIssuer
		}
		if _, err := check(u.value); err != nil {
			errs = append(errs, fmt.Errorf("jwks: RemoteConfig.%s %q: %w", u.name, endpointurl.WithoutUser(u.value), err))
		}
	}
	if c.DiscoveryURL != "" && c.Issuer == "" {
		errs = append(errs, errors.New("jwks: RemoteConfig.DiscoveryURL needs Issuer to compare with"))
	}
	return s, errors.Join(errs...)
}

// client is the configured one, or one of our own, without what could send a
// fetch elsewhere.
func (c *RemoteConfig) client() *http.Client {
	client := new(http.Client)
	if c.Client != nil {
		*client = *c.Client
	} else {
		// The application may have wrapped the default one, for its traces.
		transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
		if standard, ok := http.DefaultTransport.(*http.Transport); ok {
			transport = standard.Clone()
		}
		transport.DisableKeepAlives = true
		transport.MaxResponseHeaderBytes = 64 << 10
		client.Transport = transport
	}
	client.Jar = nil
	client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if first := via[0].URL; r.URL.Scheme != first.Scheme || r.URL.Host != first.Host || len(via) > 3 {
			return errors.New("a redirect to another host, or too many")
		}
		return nil
	}
	return client
}

// checkPublished refuses a jwks_uri that leads where a provider's keys are not:
// it may be on another host, but not at an address, and not on this machine,
// unless the provider itself is. Nor may another host have characters beside
// ASCII: a transport maps them to it, and makes an address of "127。0。0。1".
func checkPublished(uri string, from *url.URL) error {
	if len(uri) > 2<<10 {
		return errors.New("is too long")
	}
	u, err := endpointurl.Parse(uri)
	if err != nil {
		return err
	}
	if u.Hostname() == from.Hostname() {
		return nil
	}
	if strings.ContainsFunc(u.Hostname(), func(r rune) bool { return r > unicode.MaxASCII }) {
		return errors.New("is on a host that is not written in ASCII")
	}
	here := endpointurl.IsLoopback(u.Hostname())
	if (here || isAddress(u.Hostname())) && !(here && endpointurl.IsLoopback(from.Hostname())) {
		return errors.New("is on an address that is not the provider's")
	}
	return nil
}

// isAddress knows the older spellings of IPv4 addresses too, which some
// resolvers read: "2852039166", "0xA9FEA9FE", "169.254.43518". No domain ends
// like them.
func isAddress(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	last := host[strings.LastIndexByte(host, '.')+1:]
	_, err := netip.ParseAddr(host)
	return err == nil || strings.HasPrefix(last, "0x") || last != "" && strings.Trim(last, "0123456789") == "" ||
		last == "localhost"
}

// name is what logs call the source.
func (s *source) name() string {
	if s.config.URL != "" {
		return s.config.URL
	}
	return s.config.Issuer
}

// fetch gets the set. Discovery is done again when it is old, and after a
// failure.
func (s *source) fetch(ctx context.Context, now bool) (*fetched, error) {
	uri := s.config.URL
	if uri == "" {
		var err error
		if uri, err = s.discover(ctx); err != nil {
			return nil, err
		}
	}
	set, err := s.set(ctx, uri, now)
	if err != nil {
		s.mu.Lock()
		s.discovered = ""
		s.mu.Unlock()
	}
	return set, err
}

func (s *source) set(ctx context.Context, uri string, noCache bool) (*fetched, error) {
	body, header, err := s.get(ctx, uri, noCache)
	if err != nil {
		return nil, err
	}
	p, err := parseSet(body, s.config.MaxKeys)
	if err != nil {
		return nil, err
	}
	return &fetched{parsed: p, maxAge: maxAge(header)}, nil
}

// parseSet reads what a provider publishes: public keys only.
func parseSet(body []byte, most int) (parsed, error) {
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return parsed{}, errors.New("the answer is not a JWK set")
	}
	if len(doc.Keys) > most {
		return parsed{}, fmt.Errorf("the JWK set has %d keys, more than %d", len(doc.Keys), most)
	}
	var p parsed
	for i, raw := range doc.Keys {
		key, issuer, err := parseKey(raw)
		if _, secret := key.Key.([]byte); err == nil && secret {
			err = errors.New("is a secret that was published")
		}
		if err != nil {
			p.ignored = append(p.ignored, fmt.Errorf("key %d %w", i+1, err))
			continue
		}
		p.add(key, issuer)
	}
	if len(p.keys) == 0 {
		return p, errors.New("the JWK set has no usable key")
	}
	return p, nil
}

// discover returns the jwks_uri.
func (s *source) discover(ctx context.Context) (string, error) {
	s.mu.Lock()
	uri, at := s.discovered, s.at
	s.mu.Unlock()
	now := s.config.Now()
	if uri != "" && now.Sub(at) < rediscover {
		return uri, nil
	}
	var body []byte
	var from string
	var err error
	for _, from = range s.discoveryURLs() {
		var missing *statusError
		if body, _, err = s.get(ctx, from, false); !errors.As(err, &missing) || missing.code != http.StatusNotFound {
			break
		}
	}
	if err != nil {
		return "", fmt.Errorf("discovery: %w", err)
	}
	var doc struct {
		Issuer string `json:"issuer"`
		URI    string `json:"jwks_uri"`
	}
	if json.Unmarshal(body, &doc) != nil {
		return "", errors.New("discovery: the answer is not a discovery document")
	}
	if doc.Issuer != s.config.Issuer {
		return "", fmt.Errorf("discovery: the document at %s is of issuer %.200q, not %q", from, doc.Issuer, s.config.Issuer)
	}
	base, _ := url.Parse(from)
	if err := checkPublished(doc.URI, base); err != nil {
		return "", fmt.Errorf("discovery: jwks_uri %.200q %w", endpointurl.WithoutUser(doc.URI), err)
	}
	s.mu.Lock()
	s.discovered, s.at = doc.URI, now
	s.mu.Unlock()
	return doc.URI, nil
}

// discoveryURLs are where the document may be: OpenID Connect appends to the
// issuer, RFC 8414 section 3.1 inserts before its path.
func (s *source) discoveryURLs() []string {
	if s.config.DiscoveryURL != "" {
		return []string{s.config.DiscoveryURL}
	}
	u, err := url.Parse(s.config.Issuer)
	if err != nil {
		return nil
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	origin := u.Scheme + "://" + u.Host
	return []string{
		strings.TrimSuffix(s.config.Issuer, "/") + "/.well-known/openid-configuration",
		origin + "/.well-known/oauth-authorization-server" + path,
	}
}

type statusError struct {
	url  string
	code int
}

func (e *statusError) Error() string { return fmt.Sprintf("%s answers %d", e.url, e.code) }

func (s *source) get(ctx context.Context, uri string, noCache bool) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	req.Header.Set("User-Agent", "authstar")
	if noCache {
		req.Header.Set("Cache-Control", "no-cache")
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, nil, &statusError{uri, res.StatusCode}
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, s.config.MaxBytes+1))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", uri, err)
	}
	if int64(len(body)) > s.config.MaxBytes {
		return nil, nil, fmt.Errorf("%s answers more than %d bytes", uri, s.config.MaxBytes)
	}
	return body, res.Header, nil
}

// maxAge is for how much longer the answer is fresh (RFC 9111 section 5.2.2),
// nil when it does not say.
func maxAge(h http.Header) *time.Duration {
	var age *time.Duration
	for _, line := range h.Values("Cache-Control") {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				return new(time.Duration)
			case "max-age":
				if d, ok := deltaSeconds(strings.Trim(value, `"`)); ok {
					age = &d
				}
			}
		}
	}
	if passed, ok := deltaSeconds(h.Get("Age")); ok && age != nil {
		*age = max(0, *age-passed)
	}
	return age
}

// deltaSeconds reads a number of seconds. More than fits is the most that does
// (RFC 9111 section 1.2.2).
func deltaSeconds(s string) (time.Duration, bool) {
	seconds, err := strconv.ParseUint(s, 10, 31)
	return time.Duration(seconds) * time.Second, err == nil || errors.Is(err, strconv.ErrRange)
}
