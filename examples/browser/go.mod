module github.com/authstar/authstar/examples/browser

go 1.26.0

require (
	github.com/authstar/authstar v0.0.0
	github.com/authstar/authstar/contrib/wsauth v0.0.0
	github.com/coder/websocket v1.8.15
	github.com/rs/cors v1.11.1
)

require (
	github.com/go-jose/go-jose/v4 v4.1.8 // indirect
	github.com/go-playground/form/v4 v4.2.1 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)

replace (
	github.com/authstar/authstar => ../../
	github.com/authstar/authstar/contrib/wsauth => ../../contrib/wsauth
)
