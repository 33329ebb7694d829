package graphsim

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Service is the name of the simulated service.
const Service = "Microsoft 365"

// NewOffice returns a simulator with the small office of [Office], whose bookings
// begin today by the simulator's clock.
func NewOffice(o Options, zone *time.Location) *Sim {
	s := New(o)
	Office(s, zone, s.now())
	return s
}

// Settings are the settings of an account for the application of [DefaultClient]
// at the simulator, one per line, for people. base is the simulator's address.
func Settings(base string) string {
	id, secret, redirect := DefaultClient()
	return fmt.Sprintf(`login_url          %s
graph_url          %s
tenant             %s
client_id          %s
client_secret      %s
redirect_uri       %s
`, base, base, TenantID, id, secret, redirect)
}

// AccountTOML is the [[account]] section of a configuration for the application of
// [DefaultClient] at the simulator. base is the simulator's address.
func AccountTOML(name, base string) string {
	id, secret, redirect := DefaultClient()
	return fmt.Sprintf(`[[account]]
name = %q
tenant = %q
client_id = %q
client_secret = %q
redirect_uri = %q
login_url = %q
graph_url = %q
`, name, TenantID, id, secret, redirect, base, base)
}

// Accept does what the service account does with a browser at the sign-in page:
// it accepts, and returns the address that the browser is redirected to.
func Accept(ctx context.Context, transport http.RoundTripper, address string) (redirected string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	form := u.Query()
	form.Set("action", "accept")
	form.Set("user", ServiceAccount)
	u.RawQuery = ""
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusFound {
		return "", fmt.Errorf("the sign-in page answered %s", resp.Status)
	}
	return resp.Header.Get("Location"), nil
}
