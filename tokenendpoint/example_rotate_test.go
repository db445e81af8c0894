package tokenendpoint_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/tokenendpoint"
)

// today is a clock that the example can turn on.
var today = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

// A new key is published before it signs, and the old one as long as its tokens
// live, so that no token is refused meanwhile.
func ExampleSigner_Rotate() {
	clock := func() time.Time { return today }
	signer, err := tokenendpoint.NewSigner(tokenendpoint.SignerConfig{
		Issuer: "https://api.example", Audiences: []string{"https://api.example"},
		Lifetime: 10 * time.Minute, PublishAhead: 15 * time.Minute,
		Now: clock, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	jwt, err := authenticators.NewJWT(authenticators.JWTConfig{
		Issuer: "https://api.example", Audiences: []string{"https://api.example"}, Keys: signer, Now: clock,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	use := func(when string) {
		res, err := signer.Build(ctx, &tokenendpoint.Request{Client: &authstar.Identity{ID: "demo"}})
		if err != nil {
			fmt.Println(err)
			return
		}
		_, err = jwt.VerifyToken(ctx, res.AccessToken)
		keys, _ := signer.Keys(ctx, "")
		fmt.Printf("%s: %d key(s), a token is good: %t\n", when, len(keys), err == nil)
	}

	use("before")
	if err := signer.Rotate(nil); err != nil { // nil generates one
		fmt.Println(err)
	}
	use("announced")
	fmt.Println(signer.Rotate(nil))
	today = today.Add(15 * time.Minute)
	use("in use")
	today = today.Add(16 * time.Minute)
	use("over")
	// Output:
	// before: 1 key(s), a token is good: true
	// announced: 2 key(s), a token is good: true
	// tokenendpoint: the last rotation is not over yet
	// in use: 2 key(s), a token is good: true
	// over: 1 key(s), a token is good: true
}
