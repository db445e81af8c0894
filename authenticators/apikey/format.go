package apikey

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// fileVersion is that of the format.
const fileVersion = 1

// fileRecord is a record on its line.
type fileRecord struct {
	Record
	Hash     string `json:"hash"`
	Previous string `json:"previous,omitempty"`
	Version  int64  `json:"version"`
}

func encode(w io.Writer, entries []*entry) error {
	b := fmt.Appendf(nil, `{"version":%d,"keys":[`, fileVersion)
	for i, e := range entries {
		r := e.record()
		f := fileRecord{Record: r, Hash: hex.EncodeToString(r.Hash[:]), Version: r.Version}
		if e.previous != nil {
			f.Previous = hex.EncodeToString(r.Previous[:])
		}
		line, err := json.Marshal(f)
		if err != nil {
			return err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, '\n'), line...)
		if len(b) > 1<<16 {
			if _, err := w.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	_, err := w.Write(append(b, "\n]}\n"...))
	return err
}

// decode refuses what it does not know, which the next write would drop.
func decode(text []byte) ([]Record, error) {
	var file struct {
		Version int               `json:"version"`
		Keys    []json.RawMessage `json:"keys"`
	}
	if err := unmarshal(text, &file); err != nil {
		return nil, err
	}
	if file.Version != fileVersion || file.Keys == nil {
		return nil, fmt.Errorf("it is of format version %d, and this program knows %d", file.Version, fileVersion)
	}
	records := make([]Record, 0, len(file.Keys))
	seen := make(map[string]bool, len(file.Keys))
	for i, raw := range file.Keys {
		var f fileRecord
		err := unmarshal(raw, &f)
		if err == nil {
			err = f.check()
		}
		if err == nil && seen[f.ID] {
			err = errors.New("there is another one with its id")
		}
		if err != nil {
			return nil, fmt.Errorf("record %d (id %.20q): %w", i+1, f.ID, err)
		}
		seen[f.ID] = true
		records = append(records, f.Record)
	}
	return records, nil
}

// check holds a line to what this program writes, and completes the record.
func (f *fileRecord) check() error {
	hash, err := decodeHash(f.Hash)
	if err != nil {
		return err
	}
	f.Record.Hash, f.Record.Version = hash, f.Version
	if f.Previous != "" {
		if f.Record.Previous, err = decodeHash(f.Previous); err != nil {
			return err
		}
	}
	switch {
	case !isID(f.ID):
		return errors.New("the id must be letters and digits")
	case f.Version < 1:
		return errors.New("the version must be 1 or more")
	case slices.ContainsFunc(f.Scopes, func(scope string) bool { return !isScope(scope) }):
		return errors.New("a scope is malformed")
	}
	for _, at := range []time.Time{f.Created, f.Expires, f.Revoked, f.LastUsed, f.PreviousUntil} {
		if at.Nanosecond() != 0 {
			return errors.New("a time is not in whole seconds")
		}
	}
	return nil
}

func decodeHash(text string) (Hash, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(Hash{}) {
		return Hash{}, errors.New("a hash is not 64 hexadecimal digits")
	}
	return Hash(b), nil
}

// unmarshal decodes an object whose members have the names in v, each once.
func unmarshal(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows its end")
	}
	return checkNames(text)
}

// checkNames refuses what encoding/json takes: the name of a member in another case,
// and a name that is there twice. The text is JSON; names are in lower case.
func checkNames(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if begin, _ := d.Token(); begin != json.Delim('{') {
		return errors.New("it is no JSON object")
	}
	seen := make(map[string]bool)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
			return fmt.Errorf("unknown field %.20q", name)
		}
		if seen[name] {
			return fmt.Errorf("the field %q is there twice", name)
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
	}
	return nil
}
