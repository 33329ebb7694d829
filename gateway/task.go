package gateway

import "context"

// task is something that runs until it is stopped.
type task struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

// start runs run until ctx ends or the task is stopped.
func start(ctx context.Context, run func(context.Context)) *task {
	ctx, cancel := context.WithCancel(ctx)
	t := &task{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(t.ended)
		defer cancel()
		run(ctx)
	}()
	return t
}

// stop ends the task and waits until it has ended.
func (t *task) stop() {
	t.cancel()
	<-t.ended
}
