package ops

import (
	"context"

	"frontdesk"
)

// BackupArgs are the backup command's arguments on the admin socket.
type BackupArgs struct {
	Dest    string `json:"dest"` // absolute: the server has a working folder of its own
	WithKey bool   `json:"with_key"`
}

// HandleBackup adds the command backup. source says where the data is; Dest and WithKey of it are the caller's.
func (a *Admin) HandleBackup(source BackupOptions) {
	running := make(chan struct{}, 1)
	a.Handle("backup", func(ctx context.Context, r Request) (any, error) {
		var args BackupArgs
		if err := r.Decode(&args); err != nil {
			return nil, err
		}
		select {
		case running <- struct{}{}:
			defer func() { <-running }()
		default:
			return nil, frontdesk.Errorf(frontdesk.Conflict, "another backup is being made")
		}
		o := source
		o.Dest, o.WithKey = args.Dest, args.WithKey
		return Backup(ctx, o, r.Progress)
	})
}

// HandleHealth adds the command health, which the doctor asks.
func (a *Admin) HandleHealth(h *Health) {
	a.Handle("health", func(ctx context.Context, _ Request) (any, error) { return h.state(ctx), nil })
}

// HandleDrain adds the command drain: readiness turns red and stop is called, which ends the process in the graceful way.
func (a *Admin) HandleDrain(h *Health, stop func()) {
	a.Handle("drain", func(context.Context, Request) (any, error) {
		h.Drain()
		stop()
		return struct {
			Draining bool `json:"draining"`
		}{true}, nil
	})
}
