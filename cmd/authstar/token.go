package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
)

const inspectUsage = `usage: authstar token inspect [-issuer URL [-audience NAME]]

Asks for a JSON Web Token, or reads it from the standard input, and prints its
header, its claims and its times. Without -issuer nothing is verified.

  -issuer     verify it as an API does that trusts this issuer, whose keys are
              found by discovery, and tell every reason why it is refused
  -audience   the name of the API, which the token must be for; without, its
              audience is not verified

The status is 1 when the token is malformed or refused, and 3 when the issuer's
keys could not be had.
`

func inspectToken(ctx context.Context, c *console, f *flags, args []string) error {
	issuer, audience := f.String("issuer", "", ""), f.String("audience", "", "")
	if err := f.parse(args); err != nil {
		return err
	}
	if *audience != "" && *issuer == "" {
		return misuse("-audience needs -issuer")
	}
	text, err := c.secret(ctx, "Token: ")
	if err != nil {
		return err
	}
	text = strings.TrimSpace(text)
	if scheme, rest, ok := strings.Cut(text, " "); ok && strings.EqualFold(scheme, "Bearer") {
		text = strings.TrimSpace(rest)
	}
	t, err := decode(text)
	if err != nil {
		return err
	}
	if err := t.show(c); err != nil {
		return err
	}
	if *issuer == "" {
		if len(t.faults) > 0 {
			return refused(t.faults)
		}
		return c.print("not verified: no -issuer\n")
	}
	verdict, err := verify(ctx, t, *issuer, *audience)
	if err != nil {
		return err
	}
	if len(verdict) > 0 {
		return refused(verdict)
	}
	if *audience == "" {
		return c.print("accepted, for an API of the name that it has in aud: no -audience\n")
	}
	return c.print("accepted\n")
}

func refused(reasons []string) error {
	return refusal("the token is refused\n  - " + strings.Join(reasons, "\n  - "))
}

// What is longer, no API of authenticators.NewJWT looks at.
const (
	maxToken  = 16 << 10
	maxHeader = 4 << 10 // as it is in the token
	maxKeyID  = 256
)

// token is a token taken apart. Nothing in it is verified.
type token struct {
	text           string
	header, claims object
	signature      []byte
	faults         []string // of its form
}

// decode takes a compact JWS (RFC 7515 section 7.1) apart.
func decode(text string) (*token, error) {
	parts := strings.Split(text, ".")
	switch {
	case text == "":
		return nil, refusal("there is no token")
	case len(parts) == 5:
		return nil, refusal("this is an encrypted token (JWE): only the one it is for can read it")
	case len(parts) != 3:
		return nil, refusal(fmt.Sprintf("this is no JSON Web Token: it has %d parts instead of 3; what an opaque token says, only its issuer knows", len(parts)))
	}
	t := &token{text: text}
	fault := func(format string, args ...any) { t.faults = append(t.faults, fmt.Sprintf(format, args...)) }
	if len(text) > maxToken {
		fault("it is longer than %d bytes", maxToken)
	}
	if len(parts[0]) > maxHeader {
		fault("its header is longer than %d bytes", maxHeader)
	}
	for i, name := range []string{"header", "payload", "signature"} {
		b, err := base64.RawURLEncoding.Strict().DecodeString(parts[i])
		if err != nil || strings.ContainsAny(parts[i], "\r\n") {
			return nil, refusal("this is no JSON Web Token: its " + name + " is not base64url without padding")
		}
		switch i {
		case 0:
			t.header, err = parseObject(b)
		case 1:
			t.claims, err = parseObject(b)
		case 2:
			t.signature = b
		}
		if err != nil {
			return nil, refusal("this is no JSON Web Token: its " + name + " is not a JSON object")
		}
	}
	if !utf8.Valid(t.claims.raw) {
		fault("the claims are not UTF-8")
	}
	if t.claims.raw[0] != '{' {
		fault("there is space before the claims")
	}
	for _, part := range []struct {
		name string
		object
	}{{"header", t.header}, {"claims", t.claims}} {
		for _, name := range part.repeated {
			fault("%q is twice in the %s", name, part.name)
		}
	}
	return t, nil
}

// object is a JSON object.
type object struct {
	raw      []byte
	members  map[string]json.RawMessage
	repeated []string
}

func parseObject(raw []byte) (object, error) {
	o := object{raw: raw, members: make(map[string]json.RawMessage)}
	if !json.Valid(raw) {
		return o, errors.New("not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return o, errors.New("not an object")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return o, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return o, err
		}
		key := name.(string)
		if _, ok := o.members[key]; ok {
			o.repeated = append(o.repeated, key)
		}
		o.members[key] = value
	}
	return o, nil
}

// show prints the token, but for its signature.
func (t *token) show(c *console) error {
	var b bytes.Buffer
	for _, part := range []struct {
		name string
		object
	}{{"header", t.header}, {"claims", t.claims}} {
		b.WriteString(part.name + " ")
		_ = json.Indent(&b, part.raw, "", "  ") // is valid
		b.WriteByte('\n')
	}
	for _, name := range []string{"auth_time", "iat", "nbf", "exp"} {
		if at, ok, _ := t.claims.time(name); ok {
			fmt.Fprintf(&b, "%-9s %s\n", name, relative(at))
		}
	}
	return c.print(printable(b.String()))
}

// relative is a time, and how far away it is.
func relative(at time.Time) string {
	away := time.Until(at).Round(time.Second)
	text := at.UTC().Format("2006-01-02 15:04:05 UTC")
	distance := away.Abs().String()
	if days := int(away.Abs().Hours() / 24); days > 1 {
		distance = fmt.Sprintf("%d days", days)
	}
	if away < 0 {
		return text + ", " + distance + " ago"
	}
	return text + ", in " + distance
}

// verify returns every reason why an API refuses the token. The last word has the
// verifier of an API.
func verify(ctx context.Context, t *token, issuer, audience string) ([]string, error) {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	keys, err := jwks.NewRemote(jwks.RemoteConfig{Issuer: issuer, Logger: quiet})
	if err != nil {
		return nil, misuse(err.Error())
	}
	audiences := []string{audience}
	if audience == "" {
		if audiences, _ = t.claims.strings("aud"); len(audiences) == 0 {
			audiences = []string{"any"} // is refused, and should be
		}
	}
	api, err := authenticators.NewJWT(authenticators.JWTConfig{Issuer: issuer, Audiences: audiences, Keys: keys})
	if err != nil {
		return nil, misuse(err.Error())
	}
	if err := keys.Refresh(ctx); err != nil {
		return nil, err
	}
	reasons, err := t.reasons(ctx, keys, issuer, audience)
	if err != nil {
		return nil, err
	}
	_, err = api.VerifyToken(ctx, t.text)
	if errors.Is(err, authstar.TemporarilyUnavailable) {
		return nil, err
	}
	if err != nil && len(reasons) == 0 {
		reasons = []string{strings.TrimPrefix(err.Error(), "authstar: ")}
	}
	return reasons, nil
}
