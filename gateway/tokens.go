package gateway

import (
	"encoding/json"
	"errors"
	"strings"

	"roomgate/driver"
)

// ReadTokens reads JSON as a token endpoint answers it, with the redirect URI
// added, or a bare refresh token. The error repeats nothing of the text.
func ReadTokens(text string) (driver.ImportedTokens, error) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") {
		return driver.ImportedTokens{RefreshToken: text}, nil
	}
	var in driver.ImportedTokens
	if json.Unmarshal([]byte(text), &in) != nil {
		return driver.ImportedTokens{}, errors.New(`the tokens are not JSON: write {"refresh_token": "…", "redirect_uri": "…"}, or the refresh token alone`)
	}
	return in, nil
}
