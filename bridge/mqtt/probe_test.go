package mqtt

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"roomgate/bridge"
)

// A probe that dies midway must not have the broker tell that the gateway is
// offline, nor throw the running gateway out.
func TestProbeLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []packets.ControlPacket
		f := &fake{answer: func(_ int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
			seen = append(seen, p)
			if _, ok := p.(*packets.ConnectPacket); ok {
				return []packets.ControlPacket{packets.NewControlPacket(packets.Connack)}, true
			}
			return nil, false
		}}
		if err := prober(t, f).Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		login, ok := seen[0].(*packets.ConnectPacket)
		if !ok || login.WillFlag || login.ClientIdentifier != "gateway-1-check" {
			t.Errorf("the login is %v", seen[0])
		}
		for _, p := range seen[1:] {
			if _, ok := p.(*packets.DisconnectPacket); !ok {
				t.Errorf("sent after the login: %v", p)
			}
		}
	})
}

func TestProbeTellsWhatIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := &fake{answer: func(int, packets.ControlPacket) ([]packets.ControlPacket, bool) {
			no := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
			no.ReturnCode = packets.ErrRefusedNotAuthorised
			return []packets.ControlPacket{no}, false
		}}
		if err := prober(t, refused).Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "refused the login") {
			t.Errorf("a refused login: %v", err)
		}
		silent := &fake{answer: func(int, packets.ControlPacket) ([]packets.ControlPacket, bool) { return nil, true }}
		if err := prober(t, silent).Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "gave no answer within 15s") {
			t.Errorf("a silent broker: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := prober(t, silent).Probe(ctx); err != context.Canceled {
			t.Errorf("a check that is called off: %v", err)
		}
	})
}

func prober(t *testing.T, f *fake) *Sink {
	o := options(t, "mqtt://broker.example:1883", bridge.New())
	o.ClientID, o.Dial = "gateway-1", f.dial
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
