package apikey_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/authenticators/apikey"
)

const crashFile = "APIKEY_TEST_CRASH_FILE"

// A process that changes the file all the time is killed at random moments. The file
// is good every time; it has everything that the process was told to be done, and at
// most the one change more that was under way.
func TestFileStoreSurvivesKills(t *testing.T) {
	if path := os.Getenv(crashFile); path != "" {
		changeForEver(t, path)
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	random := rand.New(rand.NewPCG(1, 2))
	const rounds = 12
	done := 0
	for range rounds {
		done = killed(t, path, done, 1+random.IntN(8), time.Duration(random.IntN(3000))*time.Microsecond)
		done = checkCrashed(t, path, done)
	}
	if done < 2*rounds {
		t.Errorf("%d changes in %d rounds", done, rounds)
	}
}

// killed lets a process make changes, and kills it a moment after so many. It
// returns the number of the last change that the process saw done.
func killed(t *testing.T, path string, done, changes int, moment time.Duration) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFileStoreSurvivesKills$")
	cmd.Env = append(os.Environ(), crashFile+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		n, ok := strings.CutPrefix(lines.Text(), "done ")
		if !ok {
			t.Errorf("the process says %q", lines.Text())
			continue
		}
		if done, err = strconv.Atoi(n); err != nil {
			t.Error(err)
		}
		if changes--; changes == 0 {
			time.AfterFunc(moment, func() { _ = cmd.Process.Kill() })
		}
	}
	_ = cmd.Wait() // killed
	if changes > 0 {
		t.Fatalf("the process ended by itself, %d changes early", changes)
	}
	return done
}

// checkCrashed returns the number of the last change in the file.
func checkCrashed(t *testing.T, path string, done int) int {
	t.Helper()
	store, err := apikey.OpenFile(path) // the lock ended with the process
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	records, err := store.List(t.Context(), apikey.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	counter, _, err := store.Find(t.Context(), "counter")
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(counter.Name)
	if err != nil || n != done && n != done+1 || counter.Version != int64(n) {
		t.Fatalf("change %d of version %d is in the file after change %d was done: %v", n, counter.Version, done, err)
	}
	if len(records) != filler+1 {
		t.Fatalf("%d records", len(records))
	}
	for _, r := range records {
		if r.ID != "counter" && (r.Name != strings.Repeat("x", 100) || r.Hash != (apikey.Hash{1, 2, 3})) {
			t.Fatalf("%+v", r)
		}
	}
	return n
}

// filler is how many records there are beside the one that counts, so that a file
// takes more than one write.
const filler = 500

// changeForEver counts changes in a record, and says when each is done.
func changeForEver(t *testing.T, path string) {
	store, err := apikey.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := store.Find(t.Context(), "counter"); !ok {
		fill := apikey.Record{Name: strings.Repeat("x", 100), Hash: apikey.Hash{1, 2, 3}, Version: 1}
		var text strings.Builder
		for i := range filler {
			fmt.Fprintf(&text, `{"id":"f%d","name":"%s","scopes":null,"hash":"%x","version":1},`, i, fill.Name, fill.Hash[:])
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, `{"version":1,"keys":[`+text.String()+`{"id":"counter","name":"1","scopes":null,"hash":"`+strings.Repeat("00", 32)+`","version":1}]}`)
		if store, err = apikey.OpenFile(path); err != nil {
			t.Fatal(err)
		}
		fmt.Println("done 1")
	}
	for {
		record, _, err := store.Find(t.Context(), "counter")
		if err != nil {
			t.Fatal(err)
		}
		n, _ := strconv.Atoi(record.Name)
		record.Name = strconv.Itoa(n + 1)
		if ok, err := store.Update(t.Context(), record); !ok || err != nil {
			t.Fatal(ok, err)
		}
		fmt.Println("done", n+1)
	}
}
