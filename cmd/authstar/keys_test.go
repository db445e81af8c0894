package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
	"github.com/authstar/authstar/tokenendpoint"
)

// A signer signs with the private key, and an API verifies with the public one.
func TestNewKeys(t *testing.T) {
	for _, alg := range []string{"ES256", "RS256", "EdDSA"} {
		for _, format := range []string{"jwk", "pem"} {
			t.Run(alg+" "+format, func(t *testing.T) {
				dir := t.TempDir()
				out, public := filepath.Join(dir, "key"), filepath.Join(dir, "key.pub")
				r := execute(t, "", "keys", "new", "-alg", alg, "-format", format, "-out", out, "-public", public)
				r.want(t, 0)
				if r.out != "" {
					t.Errorf("the key is in a file, and shown: %q", r.out)
				}
				signAndVerify(t, alg, read(t, out, 0o600), read(t, public, 0o644), r.err)
			})
		}
	}
}

func read(t *testing.T, path string, mode fs.FileMode) []byte {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&^mode != 0 {
		t.Errorf("%s has mode %v", filepath.Base(path), info.Mode())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func signAndVerify(t *testing.T, alg string, private, public []byte, told string) {
	t.Helper()
	signer, err := tokenendpoint.NewSigner(tokenendpoint.SignerConfig{
		Issuer: "https://idp.test", Audiences: []string{"api"}, Algorithm: alg, Keys: [][]byte{private},
	})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := signer.Mint(tokenendpoint.AccessToken{Subject: "alice", ClientID: "app", Audience: []string{"api"}})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jwks.Parse(public)
	if err != nil {
		t.Fatal(err)
	}
	jwt, err := authenticators.NewJWT(authenticators.JWTConfig{Issuer: "https://idp.test", Audiences: []string{"api"}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jwt.VerifyToken(t.Context(), answer.AccessToken); err != nil {
		t.Error(err)
	}
	used, _ := signer.Keys(t.Context(), "")
	if want := alg + ", kid " + used[0].KeyID + "\n"; told != want {
		t.Errorf("told %q, want %q", told, want)
	}
	if _, err := jwks.Parse(private); err == nil {
		t.Error("the private key passes for a public one")
	}
}

func TestNewKeyOnTheStandardOutput(t *testing.T) {
	r := execute(t, "", "keys", "new")
	r.want(t, 0)
	if !strings.HasPrefix(r.out, `{"kty":"EC","crv":"P-256",`) || !strings.Contains(r.out, `"d":`) || strings.Count(r.out, "\n") != 1 {
		t.Error("no private JWK on one line")
	}
	if r.err == "" || strings.Contains(r.err, `"d"`) {
		t.Errorf("told %q", r.err)
	}
	if again := execute(t, "", "keys", "new"); again.out == r.out {
		t.Error("the same key twice")
	}
}

func TestNewKeyOverwritesNothing(t *testing.T) {
	dir := t.TempDir()
	mine, other := filepath.Join(dir, "mine"), filepath.Join(dir, "other")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-out", mine}, {"-public", mine}, {"-out", other, "-public", mine}, {"-out", mine, "-public", other}, {"-out", other, "-public", other}} {
		r := execute(t, "", append([]string{"keys", "new"}, args...)...)
		r.want(t, statusFailed, "exists")
		if r.out != "" {
			t.Errorf("%v: a key was shown", args)
		}
		if b, _ := os.ReadFile(mine); !bytes.Equal(b, []byte("mine")) {
			t.Errorf("%v: the file was overwritten", args)
		}
		if _, err := os.Stat(other); err == nil {
			t.Errorf("%v: a half of the pair is left", args)
		}
	}
}

func TestNewKeyMisused(t *testing.T) {
	for _, args := range [][]string{{"-alg", "HS256"}, {"-alg", "none"}, {"-alg", ""}, {"-format", "der"}, {"-alg"}} {
		execute(t, "", append([]string{"keys", "new"}, args...)...).want(t, statusUsage)
	}
}
