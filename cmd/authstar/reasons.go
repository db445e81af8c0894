package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/authstar/authstar/authenticators/jwks"
)

// string returns a string; "" when it is absent or null.
func (o object) string(name string) (value string, err error) {
	if raw, ok := o.members[name]; ok && json.Unmarshal(raw, &value) != nil {
		return "", fmt.Errorf("%s is not a string", name)
	}
	return value, nil
}

// strings returns a string or an array of strings, without empty ones; what it can
// of one that is neither.
func (o object) strings(name string) (list []string, err error) {
	one, err := o.string(name)
	if err == nil && one != "" {
		return []string{one}, nil
	} else if err == nil {
		return nil, nil
	}
	var many []*string
	err = json.Unmarshal(o.members[name], &many)
	for _, s := range many {
		if s != nil && *s != "" {
			list = append(list, *s)
		}
	}
	if err != nil || slices.Contains(many, nil) {
		err = fmt.Errorf("%s is not a string or an array of strings", name)
	}
	return list, err
}

// time returns a NumericDate (RFC 7519 section 2).
func (o object) time(name string) (at time.Time, ok bool, err error) {
	raw, ok := o.members[name]
	if !ok || string(raw) == "null" {
		return at, false, nil
	}
	var seconds float64
	if json.Unmarshal(raw, &seconds) != nil || seconds < 0 || seconds >= 253402300800 { // the year 10000
		return at, false, fmt.Errorf("%s is not a number of seconds since 1970", name)
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true, nil
}

// reasons lists all that is wrong with the token for an API that trusts the
// issuer. An audience of "" is any.
func (t *token) reasons(ctx context.Context, keys jwks.KeySet, issuer, audience string) ([]string, error) {
	signature, err := t.signatureReasons(ctx, keys)
	if err != nil {
		return nil, err
	}
	return slices.Concat(t.faults, t.headerReasons(), signature, t.nameReasons(issuer, audience), t.timeReasons()), nil
}

func (t *token) headerReasons() (list []string) {
	if typ, err := t.header.string("typ"); err != nil {
		list = append(list, err.Error())
	} else if short := strings.TrimPrefix(strings.ToLower(typ), "application/"); short != "at+jwt" && short != "jwt" && short != "" {
		list = append(list, fmt.Sprintf("typ %q: an access token has at+jwt, JWT or none", typ))
	}
	for _, name := range []string{"crit", "b64"} {
		if _, ok := t.header.members[name]; ok {
			list = append(list, "the header has "+name+", which is not understood")
		}
	}
	return list
}

func (t *token) nameReasons(issuer, audience string) (list []string) {
	fail := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if iss, err := t.claims.string("iss"); err != nil {
		fail("%v", err)
	} else if iss != issuer {
		fail("iss is %q, not %q", iss, issuer)
	}
	if sub, err := t.claims.string("sub"); err != nil {
		fail("%v", err)
	} else if sub == "" || strings.ContainsFunc(sub, unusual) {
		fail("sub is missing, or has characters that no name has")
	}
	for _, name := range []string{"jti", "client_id"} {
		if _, err := t.claims.string(name); err != nil {
			fail("%v", err)
		}
	}
	for _, name := range []string{"aud", "scope", "scp"} {
		var list []json.RawMessage
		if json.Unmarshal(t.claims.members[name], &list) == nil && len(list) > maxElements {
			fail("%s has more than %d elements", name, maxElements)
		}
	}
	aud, err := t.claims.strings("aud")
	if err != nil {
		fail("%v", err)
	}
	switch {
	case len(aud) == 0 && err == nil:
		fail("aud is missing: the token is for no API")
	case len(aud) > 0 && audience != "" && !slices.Contains(aud, audience):
		fail("aud is %q, not %q", aud, audience)
	}
	if cnf, ok := t.claims.members["cnf"]; ok && string(cnf) != "null" {
		fail("cnf binds the token to a key, and nothing proves that its sender has it")
	}
	return list
}

// maxElements is the bound of the library.
const maxElements = 256

// unusual are the characters that no name has.
func unusual(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar
}

func (t *token) timeReasons() (list []string) {
	fail := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	now := time.Now()
	if exp, ok, err := t.claims.time("exp"); err != nil {
		fail("%v", err)
	} else if !ok {
		fail("exp is missing: the token would never end")
	} else if !now.Before(exp) {
		fail("it has expired: exp is %s", relative(exp))
	}
	if nbf, ok, err := t.claims.time("nbf"); err != nil {
		fail("%v", err)
	} else if ok && now.Before(nbf) {
		fail("it is not valid yet: nbf is %s", relative(nbf))
	}
	if iat, ok, err := t.claims.time("iat"); err != nil {
		fail("%v", err)
	} else if ok && now.Before(iat) {
		fail("it was issued in the future: iat is %s", relative(iat))
	}
	return list
}

// hashes are those of the asymmetric algorithms of RFC 7518 section 3.1.
var hashes = map[string]crypto.Hash{
	"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512,
	"PS256": crypto.SHA256, "PS384": crypto.SHA384, "PS512": crypto.SHA512,
	"ES256": crypto.SHA256, "ES384": crypto.SHA384, "ES512": crypto.SHA512,
	"EdDSA": 0,
}

// signatureReasons fails when the keys cannot be had.
func (t *token) signatureReasons(ctx context.Context, keys jwks.KeySet) ([]string, error) {
	alg, err := t.header.string("alg")
	if err != nil {
		return []string{err.Error()}, nil
	}
	if _, known := hashes[alg]; !known {
		switch {
		case strings.EqualFold(alg, "none"), alg == "":
			return []string{fmt.Sprintf("alg is %q: nobody signed the token", alg)}, nil
		case strings.HasPrefix(alg, "HS"):
			return []string{fmt.Sprintf("alg is %q: an issuer's keys are public, and anybody could sign with one as a secret", alg)}, nil
		}
		return []string{fmt.Sprintf("alg is %q, which is not known", alg)}, nil
	}
	kid, err := t.header.string("kid")
	if err != nil {
		return []string{err.Error()}, nil
	}
	if len(kid) > maxKeyID {
		return []string{fmt.Sprintf("kid is longer than %d bytes", maxKeyID)}, nil
	}
	list, err := keys.Keys(ctx, kid)
	if err != nil {
		return nil, err
	}
	input := []byte(t.text[:strings.LastIndexByte(t.text, '.')])
	tried := 0
	for _, k := range list {
		if k.Algorithm != "" && k.Algorithm != alg && !(alg == "EdDSA" && k.Algorithm == "Ed25519") {
			continue
		}
		fits, good := verifies(k.Key, alg, input, t.signature)
		if good {
			return nil, nil
		}
		if fits {
			tried++
		}
	}
	if tried > 0 {
		return []string{fmt.Sprintf("the signature is not one of the issuer's key %q: the token was changed, or is of somebody else", kid)}, nil
	}
	all, err := keys.Keys(ctx, "")
	if err != nil {
		return nil, err
	}
	var known []string
	for _, k := range all {
		known = append(known, strings.TrimSpace(k.KeyID+" "+k.Algorithm))
	}
	return []string{fmt.Sprintf("the issuer has no key %q for %s; it has %q", kid, alg, known)}, nil
}

// verifies reports whether a key is one for the algorithm, and whether it verifies
// the signature (RFC 7518 section 3, RFC 8037 section 3.1).
func verifies(key any, alg string, input, signature []byte) (fits, good bool) {
	hash := hashes[alg]
	var sum []byte
	if hash != 0 {
		h := hash.New()
		_, _ = h.Write(input)
		sum = h.Sum(nil)
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		switch alg[:2] {
		case "RS":
			return true, rsa.VerifyPKCS1v15(key, hash, sum, signature) == nil
		case "PS":
			return true, rsa.VerifyPSS(key, hash, sum, signature, nil) == nil
		}
	case *ecdsa.PublicKey:
		bits := key.Curve.Params().BitSize
		if alg != map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[bits] {
			return false, false
		}
		size := (bits + 7) / 8
		if len(signature) != 2*size {
			return true, false
		}
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		return true, ecdsa.Verify(key, sum, r, s)
	case ed25519.PublicKey:
		return alg == "EdDSA", alg == "EdDSA" && ed25519.Verify(key, input, signature)
	}
	return false, false
}
