package apikeytest

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authstar/authstar/authenticators/apikey"
)

// The kit passes a store that keeps the contract, and finds each of these mistakes,
// with the check that is about it.
func TestKitFindsMistakes(t *testing.T) {
	tests := []struct {
		name    string
		mistake mistake
		want    string // one of the checks that fail
	}{
		{"none", mistake{}, ""},
		{"keeps the caller's slice", mistake{keepsGiven: true}, "the store copies what it is given"},
		{"gives its own slice", mistake{givesOwn: true}, "the store gives copies"},
		{"ids without case", mistake{id: strings.ToLower}, "the case of an id counts"},
		{"ids cut at 63 bytes", mistake{id: func(id string) string { return id[:min(len(id), 63)] }}, "a record can be as long as it may"},
		{"names cut at 255 bytes", mistake{stored: func(r *apikey.Record) { r.Name = r.Name[:min(len(r.Name), 255)] }}, "a record can be as long as it may"},
		{"sorts scopes", mistake{stored: func(r *apikey.Record) { slices.Sort(r.Scopes) }}, "a record is found as it was added"},
		{"keeps seconds in 32 bits", mistake{stored: func(r *apikey.Record) {
			r.PreviousUntil = time.Unix(int64(int32(r.PreviousUntil.Unix())), 0).UTC()
		}}, "a time can be far away"},
		{"gives local times", mistake{stored: func(r *apikey.Record) { r.Created = r.Created.In(time.FixedZone("", 3600)) }}, "a record is found as it was added"},
		{"drops the zero time", mistake{stored: func(r *apikey.Record) {
			if r.Expires.IsZero() {
				r.Expires = time.Unix(0, 0).UTC()
			}
		}}, "a record of bare necessities"},
		{"takes 1970 for no time", mistake{stored: func(r *apikey.Record) {
			if r.Revoked.Unix() == 0 {
				r.Revoked = time.Time{}
			}
		}}, "a time can be long ago"},
		{"adds over a record", mistake{addReplaces: true}, "an id that is taken is not added again"},
		{"updates what is not there", mistake{updateCreates: true}, "an update of nothing does nothing"},
		{"updates any version", mistake{updateIgnoresVersion: true}, "an update replaces the record of its version"},
		{"keeps the version", mistake{updateKeepsVersion: true}, "an update replaces the record of its version"},
		{"updates last uses", mistake{updateTakesLastUsed: true}, "a last use and an update do not undo each other"},
		{"moves last uses back", mistake{touchMovesBack: true}, "a last use moves forward only"},
		{"makes records of last uses", mistake{touchCreates: true}, "a last use moves forward only"},
		{"counts last uses as changes", mistake{touchRaisesVersion: true}, "a last use moves forward only"},
		{"deletes nothing", mistake{deleteDoesNothing: true}, "a deleted record is gone"},
		{"deletes what is there or fails", mistake{deleteFails: true}, "to delete what is not there is no error"},
		{"lists without case", mistake{listFolds: true}, "a list is in the byte order of ids"},
		{"lists in no order", mistake{listUnsorted: true}, "a list is in the byte order of ids"},
		{"lists what is after an id with it", mistake{listIncludes: true}, "a list begins after an id that need not be there"},
		{"lists a page less one", mistake{listShort: true}, "a list is what the pages are together"},
		{"lists everybody's", mistake{listIgnoresOwner: true}, "a list is of one owner or of everybody"},
		{"owners without case", mistake{listFoldsOwner: true}, "a list is of one owner or of everybody"},
		{"knows no context", mistake{ignoresContext: true}, "a cancelled context is an error"},
		{"looks and then updates", mistake{races: true}, "of 50 updates at once exactly one wins"},
		{"looks and then adds", mistake{races: true}, "of 50 additions at once exactly one wins"},
		{"updates back what was deleted", mistake{races: true}, "of updates and a deletion at once the deletion is last"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			failed := failedChecks(t.Context(), &mistaken{mistake: test.mistake, records: make(map[string]apikey.Record)})
			if test.want == "" && len(failed) > 0 {
				t.Errorf("a store without a mistake fails %q", failed)
			}
			if test.want != "" && !slices.Contains(failed, test.want) {
				t.Errorf("the store fails %q, not %q", failed, test.want)
			}
		})
	}
}

func failedChecks(ctx context.Context, store apikey.Store) (failed []string) {
	for i, c := range checks() {
		rec := &recorder{ctx: ctx}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.run(&run{reporter: rec, store: store, prefix: fmt.Sprintf("PREFIX%020d", i)})
		}()
		<-done
		if len(rec.faults) > 0 {
			failed = append(failed, c.name)
		}
	}
	return failed
}

// recorder is a reporter that keeps what it is told.
type recorder struct {
	ctx    context.Context
	mu     sync.Mutex
	faults []string
}

func (*recorder) Helper()                    {}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// mistake is what a store does wrong.
type mistake struct {
	id                                               func(string) string
	stored                                           func(*apikey.Record)
	keepsGiven, givesOwn, ignoresContext             bool
	addReplaces, updateCreates, updateIgnoresVersion bool
	updateKeepsVersion, updateTakesLastUsed          bool
	touchMovesBack, touchCreates, touchRaisesVersion bool
	deleteDoesNothing, deleteFails                   bool
	listFolds, listUnsorted, listIncludes, listShort bool
	listIgnoresOwner, listFoldsOwner, races          bool
}

// mistaken is a store with a mistake.
type mistaken struct {
	mistake
	mu      sync.Mutex
	records map[string]apikey.Record
}

// begin locks the store, and returns the record that is there.
func (s *mistaken) begin(ctx context.Context, id *string) (apikey.Record, bool, error) {
	if s.id != nil {
		*id = s.id(*id)
	}
	s.mu.Lock()
	if err := ctx.Err(); err != nil && !s.ignoresContext {
		return apikey.Record{}, false, err
	}
	record, ok := s.records[*id]
	return record, ok, nil
}

// lookAway lets others in between two steps.
func (s *mistaken) lookAway() {
	if s.races {
		s.mu.Unlock()
		runtime.Gosched()
		s.mu.Lock()
	}
}

func (s *mistaken) put(id string, record apikey.Record) {
	if !s.keepsGiven {
		record.Scopes = slices.Clone(record.Scopes)
	}
	if s.stored != nil {
		s.stored(&record)
	}
	s.records[id] = record
}

func (s *mistaken) give(record apikey.Record) apikey.Record {
	if !s.givesOwn {
		record.Scopes = slices.Clone(record.Scopes)
	}
	return record
}

func (s *mistaken) Find(ctx context.Context, id string) (apikey.Record, bool, error) {
	record, ok, err := s.begin(ctx, &id)
	defer s.mu.Unlock()
	return s.give(record), ok, err
}

func (s *mistaken) Add(ctx context.Context, record apikey.Record) (bool, error) {
	id := record.ID
	_, ok, err := s.begin(ctx, &id)
	defer s.mu.Unlock()
	if err != nil || ok && !s.addReplaces {
		return false, err
	}
	s.lookAway()
	s.put(id, record)
	return true, nil
}

func (s *mistaken) Update(ctx context.Context, record apikey.Record) (bool, error) {
	id := record.ID
	old, ok, err := s.begin(ctx, &id)
	defer s.mu.Unlock()
	if err != nil || !ok && !s.updateCreates || ok && old.Version != record.Version && !s.updateIgnoresVersion {
		return false, err
	}
	s.lookAway()
	if !s.updateTakesLastUsed {
		record.LastUsed = old.LastUsed
	}
	if !s.updateKeepsVersion {
		record.Version++
	}
	s.put(id, record)
	return true, nil
}

func (s *mistaken) Touch(ctx context.Context, used map[string]time.Time) error {
	for id, at := range used {
		record, ok, err := s.begin(ctx, &id)
		if err == nil && (ok || s.touchCreates) && (at.After(record.LastUsed) || s.touchMovesBack) {
			record.LastUsed = at
			if s.touchRaisesVersion {
				record.Version++
			}
			s.records[id] = record
		}
		s.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *mistaken) Delete(ctx context.Context, id string) error {
	_, ok, err := s.begin(ctx, &id)
	defer s.mu.Unlock()
	switch {
	case err != nil:
		return err
	case !ok && s.deleteFails:
		return fmt.Errorf("nothing there")
	case !s.deleteDoesNothing:
		delete(s.records, id)
	}
	return nil
}

func (s *mistaken) List(ctx context.Context, query apikey.Query) ([]apikey.Record, error) {
	var none string
	_, _, err := s.begin(ctx, &none)
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var page []apikey.Record
	for _, id := range slices.Sorted(maps.Keys(s.records)) {
		record := s.records[id]
		owned := query.Owner == "" || s.listIgnoresOwner || record.Owner == query.Owner || s.listFoldsOwner && strings.EqualFold(record.Owner, query.Owner)
		if owned && (id > query.After || s.listIncludes && id == query.After) {
			page = append(page, s.give(record))
		}
	}
	if s.listFolds {
		slices.SortStableFunc(page, func(a, b apikey.Record) int { return strings.Compare(strings.ToLower(a.ID), strings.ToLower(b.ID)) })
	}
	if s.listUnsorted {
		slices.Reverse(page)
	}
	if s.listShort && len(page) > 0 {
		page = page[:len(page)-1]
	}
	return page[:min(len(page), query.Limit)], nil
}
