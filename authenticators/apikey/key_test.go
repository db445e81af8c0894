package apikey_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/authstar/authstar/authenticators/apikey"
)

func generate(tb testing.TB, prefix string) apikey.Key {
	tb.Helper()
	key, err := apikey.Generate(prefix)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// sealed adds the checksum to a text, as somebody would who read how it is made.
func sealed(text string) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	n := crc32.ChecksumIEEE([]byte(text))
	sum := make([]byte, 6)
	for i := range sum {
		sum[5-i] = alphabet[n%62]
		n /= 62
	}
	return text + string(sum)
}

func TestKeyHasItsForm(t *testing.T) {
	form := regexp.MustCompile(`^(a|acme_live_2|[A-Z]{32})_([0-9A-Za-z]{12})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$`)
	for _, prefix := range []string{"a", "acme_live_2", strings.Repeat("Z", 32)} {
		for range 100 {
			key := generate(t, prefix)
			parts := form.FindStringSubmatch(key.Reveal())
			if parts == nil {
				t.Fatalf("the key of prefix %q has another form", prefix)
			}
			if parts[1] != prefix || key.Prefix() != prefix || parts[2] != key.ID() {
				t.Errorf("%v has prefix %q and id %q", key, key.Prefix(), key.ID())
			}
			if unsealed := key.Reveal()[:len(key.Reveal())-6]; sealed(unsealed) != key.Reveal() {
				t.Errorf("%v has another checksum", key)
			}
		}
	}
}

// The form is a promise to those who keep keys, hashes and scanners. This one was
// made by another program.
func TestKeyOfAnotherProgram(t *testing.T) {
	key, err := apikey.Parse("acme_live_4fT0aVbQ9zKx_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg2ES3LR")
	if err != nil || key.ID() != "4fT0aVbQ9zKx" || key.Prefix() != "acme_live" {
		t.Fatalf("%v, %v", key, err)
	}
	const want = "71d84b1859bad11abcb3dfd9353c8d1873aafd883ffaf6f2c9df7cbcfc3e1850"
	if hash := key.Hash(); hex.EncodeToString(hash[:]) != want {
		t.Errorf("its hash is %s", hex.EncodeToString(hash[:]))
	}
}

// Of 4,000 secrets, all 62 characters come up about as often at each place, and no
// two are alike: 256 bits, where OWASP asks for 128.
func TestSecretsAreRandom(t *testing.T) {
	const keys = 4000
	seen := make(map[string]bool)
	counts := make(map[byte]int)
	for range keys {
		secret := generate(t, "a").Reveal()[15:58]
		seen[secret] = true
		for _, c := range []byte(secret) {
			counts[c]++
		}
	}
	if len(seen) != keys || len(counts) != 62 {
		t.Errorf("%d secrets with %d characters", len(seen), len(counts))
	}
	mean := keys * 43 / 62 // 2774, with a standard deviation of 52
	for c, n := range counts {
		if n < mean-400 || n > mean+400 {
			t.Errorf("%q came up %d times of about %d", c, n, mean)
		}
	}
	if bits := new(big.Int).Exp(big.NewInt(62), big.NewInt(43), nil).BitLen() - 1; bits < 256 {
		t.Errorf("a secret has %d bits", bits)
	}
}

// H09 B10: everything that is not exactly the key is refused, with a reason and
// without a look at the store.
func TestParseRefuses(t *testing.T) {
	key := generate(t, testPrefix)
	text := key.Reveal()
	tests := []struct{ name, text, want string }{
		{"nothing", "", "missing"},
		{"H09 1 MB", strings.Repeat("a", 1<<20), "missing"},
		{"a password", "correct horse battery staple", "missing"},
		{"B10 one character less", text[:len(text)-1], "missing"},
		{"B10 one character more", text + "a", "missing"},
		{"B10 the id alone", testPrefix + "_" + key.ID(), "missing"},
		{"B10 no prefix", text[len(testPrefix):], "missing"},
		{"B10 nothing before '_'", strings.TrimPrefix(text, testPrefix+"_"), "missing"},
		{"a prefix of 33", sealed("x" + strings.Repeat("y", 32) + text[len(testPrefix):len(text)-6]), "missing"},
		{"H09 a space before", " " + text, "letters, digits"},
		{"H09 a space after", text + " ", "missing"},
		{"H09 DEL", text[:30] + "\x7f" + text[31:], "letters, digits"},
		{"H09 NUL in the id", text[:12] + "\x00" + text[13:], "letters, digits"},
		{"other characters in the secret, sealed", sealed(text[:30] + "-" + text[31:len(text)-6]), "letters, digits"},
		{"a prefix with two '_', sealed", sealed("acme__test" + text[len(testPrefix):len(text)-6]), "letters, digits"},
		{"a prefix with '-', sealed", sealed("acme-test" + text[len(testPrefix):len(text)-6]), "letters, digits"},
		{"H09 upper case", strings.ToUpper(text), "checksum"},
		{"H09 lower case", strings.ToLower(text), "checksum"},
		{"another prefix", "acme_live" + text[len(testPrefix):], "checksum"},
		{"the checksum of nothing", text[:len(text)-6] + "000000", "checksum"},
		{"a checksum beyond 32 bits", text[:len(text)-6] + "zzzzzz", "checksum"},
	}
	keys := newKeys(t, apikey.Config{Store: unreached{tb: t}})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			parsed, err := apikey.Parse(test.text)
			if !errors.Is(err, apikey.ErrMalformed) || !strings.Contains(err.Error(), test.want) || parsed != (apikey.Key{}) {
				t.Errorf("Parse = %v, %v; want %q", parsed, err, test.want)
			}
			if test.text != "" {
				wantSilent(t, err.Error(), test.text)
			}
			if strings.HasSuffix(test.name, "in the secret, sealed") {
				return // by somebody who means it; TestFind has that one
			}
			if got := verdict(t, keys, test.text); !strings.HasPrefix(got, "not an API key") && got != "a key of another prefix" {
				t.Errorf("Find: %q", got)
			}
		})
	}
	if again, err := apikey.Parse(text); err != nil || again.Reveal() != text || again.Hash() != key.Hash() {
		t.Errorf("the key itself: %v, %v", again, err)
	}
}

// B10: neither every proper prefix of a key, nor a key that ends in it, is one.
func TestTruncatedKeysAreRefused(t *testing.T) {
	text := generate(t, testPrefix).Reveal()
	for i := range len(text) {
		if _, err := apikey.Parse(text[:i]); err == nil {
			t.Errorf("B10 the first %d characters are a key", i)
		}
		if _, err := apikey.Parse(text[i+1:]); err == nil {
			t.Errorf("B10 all but the first %d characters are a key", i+1)
		}
	}
}

// The checksum finds every single character that is mistyped, and every two
// neighbours that are swapped: their difference is a burst of at most 32 bits.
func TestChecksumFindsTypingMistakes(t *testing.T) {
	text := generate(t, testPrefix).Reveal()
	for i := range len(text) {
		for c := range 256 {
			if byte(c) == text[i] {
				continue
			}
			if _, err := apikey.Parse(text[:i] + string([]byte{byte(c)}) + text[i+1:]); err == nil {
				t.Fatalf("character %d may be %#x", i, c)
			}
		}
		if i > 0 && text[i-1] != text[i] {
			if _, err := apikey.Parse(text[:i-1] + text[i:i+1] + text[i-1:i] + text[i+1:]); err == nil {
				t.Errorf("characters %d and %d may be swapped", i-1, i)
			}
		}
	}
}

func TestPrefixes(t *testing.T) {
	for _, prefix := range []string{"", "_", "_a", "a_", "a__b", "a-b", "a b", "a.b", "é", "a\n", strings.Repeat("a", 33)} {
		if _, err := apikey.Generate(prefix); err == nil {
			t.Errorf("Generate(%q) makes a key", prefix)
		}
		if _, err := apikey.Pattern(prefix); err == nil {
			t.Errorf("Pattern(%q) makes a pattern", prefix)
		}
		if _, err := apikey.New(apikey.Config{Prefix: prefix}); err == nil {
			t.Errorf("New with prefix %q", prefix)
		}
		if _, err := apikey.New(apikey.Config{Prefix: "a", FormerPrefixes: []string{"b", prefix}}); err == nil {
			t.Errorf("New with the former prefix %q", prefix)
		}
	}
}

func TestPatternFindsKeys(t *testing.T) {
	pattern, err := apikey.Pattern("acme_live")
	if err != nil || pattern != `\bacme_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}\b` {
		t.Fatalf("%s, %v", pattern, err)
	}
	find := regexp.MustCompile(pattern)
	text := generate(t, "acme_live").Reveal()
	for _, around := range []string{"%s", `key = "%s"`, "X-API-Key: %s\r\n", "https://a.example/?api_key=%s&x=1", "(%s)", "%s."} {
		if got := find.FindAllString(fmt.Sprintf(around, text), -1); len(got) != 1 || got[0] != text {
			t.Errorf("in %q it finds %d keys", around, len(got))
		}
	}
	for _, other := range []string{"x" + text, text + "x", text[:len(text)-1], generate(t, "acme_test").Reveal(), strings.ReplaceAll(text, "_", "-")} {
		if find.MatchString(other) {
			t.Error("it finds what is no key")
		}
	}
}

// wantSilent wants no part of a secret in a text.
func wantSilent(tb testing.TB, text, secret string) {
	tb.Helper()
	secret = secret[max(0, len(secret)-49):] // without prefix and id
	for i := 0; i+8 <= len(secret); i++ {
		if strings.Contains(text, secret[i:i+8]) {
			tb.Errorf("X12 X13 a part of the secret is in %.200q", text)
			return
		}
	}
}

// X13 M10: a key shows its prefix and id in every way of printing, and nothing else
// shows a key.
func TestPrintedValuesHaveNoSecrets(t *testing.T) {
	keys := newKeys(t, apikey.Config{})
	key, record := create(t, keys, apikey.Spec{})
	if _, err := keys.Find(t.Context(), key.Reveal()); err != nil {
		t.Fatal(err)
	}
	type own struct {
		Exported apikey.Key
		hidden   apikey.Key
	}
	client, _ := keys.Find(t.Context(), key.Reveal())
	values := map[string]any{
		"a key": key, "*Key": &key, "keys in a struct": own{key, key}, "a slice": []apikey.Key{key}, "a map": map[string]apikey.Key{"a": key},
		"a record": record, "*Record": &record, "a hash": record.Hash, "Keys": keys, "what Keys point to": *keys, "a client": client,
	}
	hash := fmt.Sprintf("%x", [32]byte(record.Hash))
	for name, v := range values {
		var b bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			fmt.Fprintf(&b, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&b, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", v)
		j, err := json.Marshal(v)
		if err == nil {
			b.Write(j)
		}
		wantSilent(t, b.String(), key.Reveal())
		if strings.Contains(b.String(), fmt.Sprintf("%x", key.Reveal()[30:38])) {
			t.Errorf("X13 %s shows the secret in hexadecimal", name)
		}
		if strings.Contains(string(j), hash) || strings.Contains(string(j), "ash") {
			t.Errorf("the JSON of %s has the hash", name)
		}
	}
	for verb, want := range map[string]string{"%v": testPrefix + "_" + key.ID() + "_…", "%#v": testPrefix + "_" + key.ID() + "_…"} {
		if got := fmt.Sprintf(verb, key); got != want {
			t.Errorf("%s is %s, want %s", verb, got, want)
		}
	}
	if got := fmt.Sprint(apikey.Key{}, apikey.Key{}.Reveal()); got != "no API key" {
		t.Errorf("the zero key prints as %q", got)
	}
}

// What Parse takes is what Reveal gives, and no change of one character leaves a key.
func FuzzParse(f *testing.F) {
	key, err := apikey.Generate("acme_live")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(key.Reveal(), 3, byte('x'))
	f.Add(sealed("a_000000000000_0000000000000000000000000000000000000000000"), 0, byte('_'))
	f.Add(sealed("a_b_000000000000_0000000000000000000000000000000000000000000"), 1, byte('a'))
	f.Add("", 0, byte(0))
	f.Fuzz(func(t *testing.T, text string, at int, c byte) {
		for _, text := range []string{text, sealed(text)} {
			key, err := apikey.Parse(text)
			if err != nil {
				if !errors.Is(err, apikey.ErrMalformed) {
					t.Errorf("Parse(%q): %v", text, err)
				}
				continue
			}
			if key.Reveal() != text || key.Prefix()+"_"+key.ID() != text[:len(text)-50] {
				t.Errorf("Parse(%q) is %q, of prefix %q and id %q", text, key.Reveal(), key.Prefix(), key.ID())
			}
			if pattern, err := apikey.Pattern(key.Prefix()); err != nil || !regexp.MustCompile(`^`+pattern+`$`).MatchString(text) {
				t.Errorf("the pattern of %q does not find %q: %v", key.Prefix(), text, err)
			}
			at := int(uint(at) % uint(len(text)))
			changed := text[:at] + string([]byte{c}) + text[at+1:]
			if _, err := apikey.Parse(changed); (err == nil) != (changed == text) {
				t.Errorf("Parse(%q), with character %d of %q changed: %v", changed, at, text, err)
			}
		}
	})
}
