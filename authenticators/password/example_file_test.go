package password_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators/password"
)

// The line is from htpasswd -B, which uses bcrypt. Users come and go as the file
// changes, without a restart.
func ExampleOpenFile() {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "htpasswd")
	line := "operator:$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n"
	if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
		log.Fatal(err)
	}

	users, err := password.OpenFile(password.FileConfig{
		Path: path,
		Client: func(_ context.Context, username string) (authstar.Client, error) {
			return &authstar.Identity{ID: username, Scope: []string{"metrics:read"}}, nil
		},
		Observe: func(err error) { log.Print("the users remain who they were: ", err) },
	})
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := password.New(password.Config{Lookup: users.Lookup})
	if err != nil {
		log.Fatal(err)
	}
	for _, guess := range []string{"U*U", "guess"} {
		client, err := verifier.Check(context.Background(), "operator", guess)
		fmt.Println(client, err)
	}
	// Output:
	// client "operator" <nil>
	// <nil> <nil>
}
