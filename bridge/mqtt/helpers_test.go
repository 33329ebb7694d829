package mqtt

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"roomgate/bridge"
	"roomgate/driver"
)

// patience is how long a test waits for what must come; it only bounds a failure.
const patience = 2 * time.Minute

var (
	roomA   = driver.Subject{Scope: driver.OfRoom, ID: "a"}
	roomB   = driver.Subject{Scope: driver.OfRoom, ID: "b"}
	account = driver.Subject{Scope: driver.OfAccount, ID: "main"}
	gateway = driver.Subject{Scope: driver.OfGateway}

	nine = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
)

// update is good values of a subject at nine.
func update(s driver.Subject, values ...driver.Value) driver.Update {
	return driver.Update{Subject: s, At: nine, Quality: driver.QualityGood, Values: values}
}

func put(b *bridge.Board, s driver.Subject, values ...driver.Value) {
	b.Publish([]driver.Update{update(s, values...)})
}

func parse(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// options are those of a site "hq" on the given broker.
func options(t testing.TB, broker string, board *bridge.Board) Options {
	return Options{
		Site: "hq", Prefix: "roomgate", Broker: parse(t, broker), Board: board,
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Jitter: func(time.Duration) time.Duration { return 0 },
	}
}

// start runs a Sink until the returned function is called, which waits for its end.
func start(t testing.TB, o Options) (stop func()) {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, s)
}

func run(t testing.TB, s *Sink) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != context.Canceled {
			t.Errorf("Run = %v, want context.Canceled", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// healthWords waits until the board tells the wanted health of the sink and
// returns its words.
func healthWords(t *testing.T, b *bridge.Board, ok bool, not string) string {
	t.Helper()
	timeout := time.After(patience)
	for {
		changed := b.Changed()
		if h, known := b.Health()[Part]; known && h.OK == ok && h.Words != not {
			return h.Words
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("health stayed %+v", b.Health()[Part])
		}
	}
}

// mosquitto is a real broker on a port of its own, without persistence.
type mosquitto struct {
	t      testing.TB
	addr   string
	config string
	cmd    *exec.Cmd
}

// startMosquitto starts the broker with further lines of configuration for its
// only listener. Where mosquitto is not installed the test is skipped, unless
// ROOMGATE_REAL is set.
func startMosquitto(t testing.TB, lines string) *mosquitto {
	t.Helper()
	if _, err := exec.LookPath(mosquittoPath()); err != nil {
		if os.Getenv("ROOMGATE_REAL") != "" {
			t.Fatal("mosquitto is not installed: apt-get install mosquitto")
		}
		t.Skip("mosquitto is not installed")
	}
	addr := freeAddress(t)
	_, port, _ := net.SplitHostPort(addr)
	m := &mosquitto{t: t, addr: addr, config: filepath.Join(t.TempDir(), "mosquitto.conf")}
	config := "persistence false\nset_tcp_nodelay true\nmax_queued_messages 100000\nlistener " + port + " 127.0.0.1\n" + lines + "\n"
	if err := os.WriteFile(m.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	m.start()
	t.Cleanup(m.kill)
	return m
}

// freeAddress is one on which nothing listens.
func freeAddress(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

const anybody = "allow_anonymous true"

func mosquittoPath() string {
	if path, err := exec.LookPath("mosquitto"); err == nil {
		return path
	}
	return "/usr/sbin/mosquitto" // not on the path of ordinary users
}

// start starts the broker and returns when it listens, as its log says.
func (m *mosquitto) start() {
	m.t.Helper()
	m.cmd = exec.Command(mosquittoPath(), "-c", m.config)
	stderr, err := m.cmd.StderrPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	var log strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		fmt.Fprintln(&log, lines.Text())
		if strings.HasSuffix(lines.Text(), " running") {
			go io.Copy(io.Discard, stderr)
			return
		}
	}
	m.t.Fatalf("mosquitto did not start:\n%s", log.String())
}

// kill ends the broker without warning.
func (m *mosquitto) kill() {
	m.cmd.Process.Kill()
	m.cmd.Wait()
}

// received is a message as a subscriber sees it.
type received struct {
	topic, payload string
	qos            byte
	retained       bool
}

func (r received) String() string {
	retained := ""
	if r.retained {
		retained = " retained"
	}
	return fmt.Sprintf("%s=%q qos%d%s", r.topic, r.payload, r.qos, retained)
}

// subscribe listens to everything below roomgate/, in order.
func subscribe(t testing.TB, broker string) <-chan received {
	t.Helper()
	messages := make(chan received, 100_000)
	p := paho.NewClientOptions().AddBroker(broker).SetAutoReconnect(false).SetProtocolVersion(4)
	client := paho.NewClient(p)
	finish(t, client.Connect())
	finish(t, client.Subscribe("roomgate/#", 1, func(_ paho.Client, m paho.Message) {
		messages <- received{m.Topic(), string(m.Payload()), m.Qos(), m.Retained()}
	}))
	t.Cleanup(func() { client.Disconnect(0) })
	return messages
}

func finish(t testing.TB, token paho.Token) {
	t.Helper()
	if !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatalf("subscriber: %v", token.Error())
	}
}

// expect asserts that exactly these messages come next, in this order.
func expect(t *testing.T, messages <-chan received, want ...string) {
	t.Helper()
	for i, w := range want {
		select {
		case got := <-messages:
			if got.String() != w {
				t.Fatalf("message %d:\n got %v\nwant %s", i, got, w)
			}
		case <-time.After(patience):
			t.Fatalf("message %d did not come, want %s", i, w)
		}
	}
}

// recorder is a proxy in front of a broker that notes what a client sends.
type recorder struct {
	addr  string
	ended chan struct{} // receives when a client has gone

	mu   sync.Mutex
	sent []packets.ControlPacket
}

func record(t *testing.T, broker string) *recorder {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := &recorder{addr: l.Addr().String(), ended: make(chan struct{}, 1)}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", broker)
			if err != nil {
				client.Close()
				continue
			}
			go func() { io.Copy(client, server); client.Close() }()
			go r.pass(client, server)
		}
	}()
	return r
}

func (r *recorder) pass(from io.Reader, to net.Conn) {
	defer to.Close()
	for {
		p, err := packets.ReadPacket(from)
		if err != nil {
			r.ended <- struct{}{}
			return
		}
		r.mu.Lock()
		r.sent = append(r.sent, p)
		r.mu.Unlock()
		if p.Write(to) != nil {
			return
		}
	}
}

// transcript is what the client sent, a line a packet.
func (r *recorder) transcript() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []string
	for _, p := range r.sent {
		lines = append(lines, line(p))
	}
	return lines
}

func line(p packets.ControlPacket) string {
	switch p := p.(type) {
	case *packets.ConnectPacket:
		will := received{p.WillTopic, string(p.WillMessage), p.WillQos, p.WillRetain}
		return fmt.Sprintf("CONNECT %s%d id=%s user=%s clean=%t keepalive=%d will %v",
			p.ProtocolName, p.ProtocolVersion, p.ClientIdentifier, p.Username, p.CleanSession, p.Keepalive, will)
	case *packets.PublishPacket:
		return "PUBLISH " + received{p.TopicName, string(p.Payload), p.Qos, p.Retain}.String()
	case *packets.DisconnectPacket:
		return "DISCONNECT"
	}
	return "packet " + strconv.Quote(p.String())
}

// publish sends one message that is not retained.
func publish(t *testing.T, broker, topic string) {
	t.Helper()
	client := paho.NewClient(paho.NewClientOptions().AddBroker(broker).SetAutoReconnect(false).SetProtocolVersion(4))
	finish(t, client.Connect())
	finish(t, client.Publish(topic, 1, false, "x"))
	client.Disconnect(0)
}
