package authstartest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"time"
)

const lifetime = time.Hour

// Token makes an access token of RFC 9068: a JWT of type "at+jwt" signed by the
// current key. Its claims are those given, and of these whichever is not: "iss"
// is the URL, "sub" is "alice", "aud" is [Audience], "client_id" is "app", "iat" is
// [Issuer.Now], "exp" an hour later, and "jti" is random. A claim that is nil is
// left out, and a time.Time becomes a number of seconds:
//
//	iss.Token(map[string]any{"scope": "orders:read", "jti": nil, "exp": iss.Now().Add(time.Minute)})
func (i *Issuer) Token(claims map[string]any) string {
	i.tb.Helper()
	return i.Sign(nil, i.complete(claims))
}

// Sign makes a JWT of any shape, signed by the current key. Its header is that of
// [Issuer.Token], which the one given adds to and replaces; nil leaves a member
// out. The signature is of the key's own algorithm, whatever "alg" says. The
// claims are those given and no others.
func (i *Issuer) Sign(header, claims map[string]any) string {
	i.tb.Helper()
	i.mu.Lock()
	k := i.signer
	i.mu.Unlock()
	protected := overlay(map[string]any{"alg": k.algorithm, "kid": k.id, "typ": "at+jwt"}, header)
	head, ok1 := i.marshal(protected)
	payload, ok2 := i.marshal(overlay(make(map[string]any), claims))
	if !ok1 || !ok2 {
		return ""
	}
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(head) + "." + encode(payload)
	signature, err := k.sign([]byte(input))
	if err != nil {
		i.tb.Errorf("authstartest: Sign: %v", err)
		return ""
	}
	return i.issue(input+"."+encode(signature), payload)
}

// OpaqueToken makes a token that says nothing by itself. Introspection answers
// with its claims, which are those of [Issuer.Token].
func (i *Issuer) OpaqueToken(claims map[string]any) string {
	i.tb.Helper()
	payload, ok := i.marshal(i.complete(claims))
	if !ok {
		return ""
	}
	return i.issue(rand.Text(), payload)
}

// Revoke makes introspection answer that the token, of any kind, is not active.
// Nobody else is told: who verifies a JWT by its signature accepts it until it
// expires.
func (i *Issuer) Revoke(token string) {
	i.tb.Helper()
	i.mu.Lock()
	_, known := i.tokens[token]
	delete(i.tokens, token)
	i.mu.Unlock()
	if !known {
		i.tb.Errorf("authstartest: Revoke: the issuer made no such token, or revoked it already")
	}
}

func (i *Issuer) issue(token string, payload []byte) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tokens[token] = payload
	return token
}

func (i *Issuer) complete(claims map[string]any) map[string]any {
	now := i.Now()
	return overlay(map[string]any{
		"iss": i.URL(), "sub": "alice", "aud": Audience, "client_id": "app",
		"iat": now, "exp": now.Add(lifetime), "jti": rand.Text(),
	}, claims)
}

// overlay returns members with more on top. base is changed.
func overlay(base, more map[string]any) map[string]any {
	maps.Copy(base, more)
	maps.DeleteFunc(base, func(_ string, v any) bool { return v == nil })
	for name, v := range base {
		if t, ok := v.(time.Time); ok {
			base[name] = t.Unix()
		}
	}
	return base
}

func (i *Issuer) marshal(members map[string]any) ([]byte, bool) {
	i.tb.Helper()
	data, err := json.Marshal(members)
	if err != nil {
		i.tb.Errorf("authstartest: no JSON can have these members: %v", err)
	}
	return data, err == nil
}

// introspection is the answer for a token (RFC 7662 section 2.2).
func (i *Issuer) introspection(token string) map[string]any {
	t := i.Now()
	now := float64(t.Unix()) + float64(t.Nanosecond())/1e9
	i.mu.Lock()
	payload, known := i.tokens[token]
	i.mu.Unlock()
	answer := make(map[string]any)
	d := json.NewDecoder(strings.NewReader(string(payload)))
	d.UseNumber()
	if !known || d.Decode(&answer) != nil {
		return map[string]any{"active": false}
	}
	if exp, ok := number(answer["exp"]); ok && now >= exp {
		return map[string]any{"active": false}
	}
	if nbf, ok := number(answer["nbf"]); ok && now < nbf {
		return map[string]any{"active": false}
	}
	return overlay(map[string]any{"active": true, "token_type": "Bearer"}, answer)
}

func number(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}
