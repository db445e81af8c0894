package main

import (
	"strings"
	"testing"

	"github.com/authstar/authstar/authenticators/password"
)

func TestHashPassword(t *testing.T) {
	for _, test := range []struct{ name, input, password string }{
		{"a line", "wonderland\n", "wonderland"},
		{"without its end", "wonderland", "wonderland"},
		{"of Windows", "wonderland\r\n", "wonderland"},
		{"with spaces", " two words \n", " two words "},
		{"UTF-8", "pa:ss:wörd\n", "pa:ss:wörd"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := execute(t, test.input, "hash-password")
			r.want(t, 0)
			good, err := password.Verify(strings.TrimSuffix(r.out, "\n"), test.password)
			if !good || err != nil || strings.Count(r.out, "\n") != 1 || r.err != "" {
				t.Errorf("%v %v: %q %q", good, err, r.out, r.err)
			}
		})
	}
}

func TestPasswordsThatCannotBeOne(t *testing.T) {
	for name, input := range map[string]string{
		"nothing": "", "an empty line": "\n", "two lines": "won\nderland\n", "a control character": "won\x1bderland\n",
		"B05 NUL": "won\x00derland", "latin-1": "w\xf6rd\n", "too long": strings.Repeat("x", 1025), "much too long": strings.Repeat("x", maxSecret+1),
	} {
		t.Run(name, func(t *testing.T) {
			r := execute(t, input, "hash-password")
			r.want(t, statusNo)
			if r.out != "" || strings.Contains(r.err, "derland") || strings.Contains(r.err, "xxx") {
				t.Errorf("%q %q", r.out, r.err)
			}
		})
	}
}
