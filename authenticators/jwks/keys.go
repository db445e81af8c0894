package jwks

import (
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// list is some keys, and the issuer that the set names for each; "" where it names
// none.
type list struct {
	keys    []jose.JSONWebKey
	issuers []string
}

func (l *list) add(key jose.JSONWebKey, issuer string) {
	l.keys, l.issuers = append(l.keys, key), append(l.issuers, issuer)
}

// anyTenant is in the issuer of a key that is for all tenants, of tokens of the
// first version too, whose issuer has another host.
const anyTenant = "{tenantid}"

// of is the keys without those of another issuer.
func (l list) of(issuers []string) []jose.JSONWebKey {
	foreign := func(issuer string) bool {
		return issuer != "" && !slices.Contains(issuers, issuer) && !strings.Contains(issuer, anyTenant)
	}
	if !slices.ContainsFunc(l.issuers, foreign) {
		return l.keys
	}
	var kept []jose.JSONWebKey
	for i, issuer := range l.issuers {
		if !foreign(issuer) {
			kept = append(kept, l.keys[i])
		}
	}
	return kept
}

// keys are the keys of a set, found by id.
type keys struct {
	all  list
	byID map[string]list // with those that have no id
	noID list            // those that have none
}

func index(all list) keys {
	k := keys{all: all, byID: make(map[string]list)}
	for i, key := range all.keys {
		if key.KeyID == "" {
			k.noID.add(key, all.issuers[i])
			continue
		}
		same := k.byID[key.KeyID]
		same.add(key, all.issuers[i])
		k.byID[key.KeyID] = same
	}
	for kid, same := range k.byID {
		k.byID[kid] = list{append(same.keys, k.noID.keys...), append(same.issuers, k.noID.issuers...)}
	}
	return k
}

func (k keys) find(kid string) list {
	if kid == "" {
		return k.all
	}
	if same, ok := k.byID[kid]; ok {
		return same
	}
	return k.noID
}

func (k keys) has(kid string) bool {
	_, ok := k.byID[kid]
	return ok
}
