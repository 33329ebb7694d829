package main

import (
	"maps"
	"slices"
	"testing"

	"roomgate/config"
	"roomgate/driver"
)

// words are the words of an enumeration of the domain, and what is wrong with a
// word that it does not know.
type words struct {
	all   []string
	parse func(word string) error
}

func wordsOf[T interface {
	~uint8
	String() string
}](parse func(string) (T, error)) words {
	w := words{parse: func(word string) error { _, err := parse(word); return err }}
	for v := T(0); v.String() != ""; v++ {
		w.all = append(w.all, v.String())
	}
	return w
}

// Every word that a room's configuration allows means something to the domain,
// and every word of the domain can be configured.
func TestWordsOfConfigurationAndDomain(t *testing.T) {
	domain := map[string]words{
		"count":     wordsOf(driver.ParseShowAs),
		"fail_safe": wordsOf(driver.ParseFailSafe),
		"privacy":   wordsOf(driver.ParsePrivacy),
		"release":   wordsOf(driver.ParseRelease),
	}
	allowed := config.RoomWords()
	if got, want := slices.Sorted(maps.Keys(allowed)), slices.Sorted(maps.Keys(domain)); !slices.Equal(got, want) {
		t.Fatalf("settings with certain words only: %q, want %q", got, want)
	}
	for key, want := range domain {
		for _, word := range allowed[key] {
			if err := want.parse(word); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
		for _, word := range want.all {
			if free := key == "count" && word == "free"; !free && !slices.Contains(allowed[key], word) {
				t.Errorf("%s = %q cannot be configured", key, word)
			}
		}
	}
	if slices.Contains(allowed["count"], "free") {
		t.Error("a booking that is shown as free can be made to count")
	}
}
