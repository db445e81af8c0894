package scsauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	exact "github.com/go-jose/go-jose/v4/json"

	"github.com/authstar/authstar"
)

// key is where the record is among the values of a session.
const key = "github.com/authstar/authstar client"

// record is what a session has of a client. It is stored as a string of JSON,
// which every codec of scs can keep.
type record struct {
	Type      string          `json:"type"`
	AuthTime  time.Time       `json:"auth_time"`
	Started   time.Time       `json:"started"`
	Refreshed time.Time       `json:"refreshed"`
	Client    json.RawMessage `json:"client"`
}

func (r *record) encode() string {
	b, _ := json.Marshal(r) // cannot fail: Client is JSON
	return string(b)
}

// kind knows how clients of the type C are stored.
type kind[C authstar.Client] struct {
	name     string       // with the path of its package
	elem     reflect.Type // what C points to
	identity []int        // index of the embedded Identity, nil for C itself
}

func kindOf[C authstar.Client]() (kind[C], error) {
	t, identity := reflect.TypeFor[C](), reflect.TypeFor[authstar.Identity]()
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return kind[C]{}, fmt.Errorf("%v is not a pointer to a struct", t)
	}
	k := kind[C]{elem: t.Elem(), name: t.Elem().PkgPath() + "." + t.Elem().Name()}
	if k.elem == identity {
		return k, nil
	}
	f, ok := k.elem.FieldByName(identity.Name())
	if !ok || !f.Anonymous || len(f.Index) != 1 || f.Type != identity {
		return k, fmt.Errorf("%v does not embed authstar.Identity by value", t)
	}
	k.identity = f.Index
	return k, nil
}

// identityOf is the Identity that the client embeds, or is.
func (k kind[C]) identityOf(client C) *authstar.Identity {
	v := reflect.ValueOf(client).Elem()
	if k.identity != nil {
		v = v.FieldByIndex(k.identity)
	}
	return v.Addr().Interface().(*authstar.Identity)
}

// encode refuses a client that would be nobody when it is decoded.
func (k kind[C]) encode(client C) (json.RawMessage, error) {
	if isNil(client) {
		return nil, errors.New("nil client")
	}
	b, err := json.Marshal(client)
	if err != nil {
		return nil, err
	}
	_, err = k.decode(b)
	return b, err
}

// decode makes a client that nobody else holds.
func (k kind[C]) decode(b json.RawMessage) (C, error) {
	client := reflect.New(k.elem).Interface().(C)
	if err := json.Unmarshal(b, client); err != nil {
		var none C
		return none, errors.New("the client is malformed")
	}
	if client.ClientID() == "" {
		var none C
		return none, errors.New("the client has no id")
	}
	return client, nil
}

// open decodes the record of a session. What was stored as another type is not
// tried.
func (k kind[C]) open(stored any) (*record, C, error) {
	var none C
	r := new(record)
	text, ok := stored.(string)
	if !ok || json.Unmarshal([]byte(text), r) != nil {
		return nil, none, errors.New("the record is malformed")
	}
	if r.Type != k.name {
		return nil, none, fmt.Errorf("the session has a client of type %.100q", r.Type)
	}
	client, err := k.decode(r.Client)
	return r, client, err
}

// claims is the ClaimSet of a session: "auth_time" (OpenID Connect Core section
// 2).
type claims struct{ authTime time.Time }

func (c claims) Lookup(name string) (any, bool) {
	if name != "auth_time" {
		return nil, false
	}
	return json.Number(strconv.FormatInt(c.authTime.Unix(), 10)), true
}

func (c claims) Decode(v any) error {
	return exact.Unmarshal(fmt.Appendf(nil, `{"auth_time":%d}`, c.authTime.Unix()), v)
}
