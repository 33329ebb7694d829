package oauth

import (
	"encoding/json"
	"time"

	"roomgate/driver"
)

// deviceRecord is an open device code, as it is stored beside the tokens:
//
//	{"v":1,"bound":{"client_id":"…"},"device_code":"…","code":{"user_code":"…",
//	 "verification_uri":"https://…","expires":"…Z"},"interval":5000000000}
type deviceRecord struct {
	Version  int               `json:"v"`
	Bound    binding           `json:"bound"`
	Secret   string            `json:"device_code"`
	Code     driver.DeviceCode `json:"code"`
	Interval time.Duration     `json:"interval"` // ns
}

// deviceKey is the key of an account's device code. No account's name holds a
// slash.
func deviceKey(account string) string { return "device/" + account }

// keepDevice stores an open device code, so that polling continues after a restart
// or with another Keeper of the same client.
func (k *Keeper) keepDevice(d *deviceSignIn) *Error {
	k.writing.Lock()
	defer k.writing.Unlock()
	data, err := json.Marshal(deviceRecord{Version: recordVersion, Bound: k.opts.binding(),
		Secret: d.secret, Code: d.code, Interval: d.interval})
	if err == nil {
		err = k.opts.Store.Put(map[string][]byte{deviceKey(k.opts.Account): data})
	}
	if err != nil {
		return k.notStored(opSignIn, "the device code could not be saved", err)
	}
	return nil
}

// loadDevice returns the stored device code that is open; nil: there is none.
// One that cannot be read or used counts as none: the user can request another.
func (k *Keeper) loadDevice() *deviceSignIn {
	if k.opts.Kind != Device {
		return nil
	}
	data, err := k.opts.Store.Get(deviceKey(k.opts.Account))
	if err != nil {
		return nil
	}
	var r deviceRecord
	if json.Unmarshal(data, &r) != nil || r.Version != recordVersion || k.opts.mismatch(r.Bound) != "" || !k.now().Before(r.Code.Expires) {
		return nil
	}
	return newDeviceSignIn(r.Secret, max(r.Interval, time.Second), r.Code)
}

// deleteDevice deletes the stored device code; called with writing held. A code
// that remains after a failure is harmless: it was used, or expires soon.
func (k *Keeper) deleteDevice() {
	if k.opts.Kind != Device {
		return
	}
	if err := k.opts.Store.Delete(deviceKey(k.opts.Account)); err != nil {
		k.opts.Log.Warn("the device code could not be deleted", "error", err)
	}
}
