package driver

import "testing"

func TestRules(t *testing.T) {
	room := Room{Rules: []Rule{{"deep clean", false}, {"cleaning", false}, {"board", true}, {"move", false}, {"été", false}}}
	for subject, want := range map[string]bool{
		"":                         true,
		"Budget":                   true,
		"Cleaning":                 false,
		"CLEANING (weekly)":        false,
		"window-cleaning":          false,
		"cleanings":                true, // whole words only
		"Deep  clean, kitchen":     false,
		"clean the deep end":       true, // one after another
		"Board move":               true, // the first rule that fits decides
		"move of the cleaning kit": false,
		"Fête d'ÉTÉ":               false,
	} {
		if got := room.Comfort(subject); got != want {
			t.Errorf("%q asks for comfort: %t, want %t", subject, got, want)
		}
	}
	if !(Room{}).Comfort("cleaning") {
		t.Error("without rules a booking asks for no comfort")
	}
}
