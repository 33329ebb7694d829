package store

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// A second copy keeps its space: every value is written over the same bytes of the
// same file, and no former value stays.
func TestSlotsKeepTheirSpace(t *testing.T) {
	k := open(t, newPath(t)).Mirrored("tokens")
	put(t, k, "rooms", "token 0 of many")
	before, err := os.Stat(k.file("rooms"))
	if err != nil {
		t.Fatal(err)
	}
	if before.Size() != 32<<10 {
		t.Errorf("the file has %d bytes, want two slots of 16 KiB", before.Size())
	}
	for _, value := range []string{"token 1 of many", strings.Repeat("token 2 of many ", 800), "token 3 of many"} {
		put(t, k, "rooms", value)
		after, err := os.Stat(k.file("rooms"))
		if err != nil || !os.SameFile(before, after) || after.Size() != before.Size() {
			t.Errorf("the file was replaced, or has %d bytes (%v)", after.Size(), err)
		}
	}
	content, err := os.ReadFile(k.file("rooms"))
	if err != nil || bytes.Count(content, []byte("of many")) != 1 {
		t.Errorf("former values are left (%v)", err)
	}
	want(t, k, "rooms", "token 3 of many")
}

// A value that does not fit gets a larger file.
func TestSlotsGrow(t *testing.T) {
	k := open(t, newPath(t)).Mirrored("tokens")
	put(t, k, "rooms", "small")
	large := make([]byte, 40<<10) // noise: zeros would be deflated
	for i, x := 0, uint32(1); i < len(large); i++ {
		x = x*1664525 + 1013904223
		large[i] = byte(x >> 24)
	}
	put(t, k, "rooms", string(large))
	if e, err := k.readFile("rooms"); err != nil || !bytes.Equal(e.value, large) {
		t.Errorf("the second copy differs (%v)", err)
	}
	put(t, k, "rooms", "small again")
	if e, err := k.readFile("rooms"); err != nil || string(e.value) != "small again" {
		t.Errorf("the second copy is %q, %v", e.value, err)
	}
}

// Wherever a write is interrupted, the file has the former value or the new one, and
// the next start removes the rest of the other.
func TestSlotsAfterAnInterruptedWrite(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	k := s.Mirrored("tokens")
	put(t, k, "rooms", "first "+secret)
	former, err := os.ReadFile(k.file("rooms"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, k, "rooms", "second "+secret)
	complete, err := os.ReadFile(k.file("rooms"))
	if err != nil {
		t.Fatal(err)
	}
	half := len(former) / 2
	unwiped := append(bytes.Clone(former[:half]), complete[half:]...)
	for written := range slotLength + headerSize + len("second "+secret) + 1 {
		torn := bytes.Clone(former)
		copy(torn[half:], complete[half:half+written])
		write(t, k.file("rooms"), torn)
		e, err := k.readFile("rooms")
		wanted := "first " + secret
		if bytes.Equal(torn, unwiped) {
			wanted = "second " + secret
		}
		if err != nil || string(e.value) != wanted {
			t.Fatalf("after %d bytes the second copy is %q, %v; want %q", written, e.value, err, wanted)
		}
	}
	write(t, k.file("rooms"), unwiped)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	k = open(t, path).Mirrored("tokens")
	if content, err := os.ReadFile(k.file("rooms")); err != nil || !bytes.Equal(content, complete) {
		t.Errorf("the former value was not wiped (%v)", err)
	}
}
