package ops

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/dialogue/knowledge"
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

// FirstTenant is the tenant of an installation that has none yet: what is imported before the first page was filled in
// belongs to the company that fills it in.
const FirstTenant = auth.FirstTenant

// Tenants lists the companies of an installation.
type Tenants interface {
	Tenants(ctx context.Context) ([]auth.Tenant, error)
}

// PickTenant is the tenant a command means: the one it names, which must exist, or the only one. Before the first page was
// filled in there is none, and it is FirstTenant.
func PickTenant(ctx context.Context, tenants Tenants, name string) (string, error) {
	all, err := tenants.Tenants(ctx)
	if err != nil {
		return "", err
	}
	ids := make([]string, len(all))
	for i, t := range all {
		ids[i] = t.ID
	}
	switch {
	case name == "" && len(ids) == 0:
		return FirstTenant, nil
	case name == "" && len(ids) == 1:
		return ids[0], nil
	case name == "":
		return "", frontdesk.InvalidField("--tenant", "name one of %s", strings.Join(ids, ", "))
	case slices.Contains(ids, name) || len(ids) == 0 && name == FirstTenant:
		return name, nil
	}
	return "", frontdesk.InvalidField("--tenant", "there is no tenant %s", name)
}

// ImportArgs are the arguments of import knowledge on the admin socket; the file is the body.
type ImportArgs struct {
	Tenant string           `json:"tenant"`
	Bot    string           `json:"bot"`
	Format knowledge.Format `json:"format"`
	DryRun bool             `json:"dry_run"`
}

// ImportKnowledge does what import knowledge asks for, in a command's own process or in the serving one.
func ImportKnowledge(ctx context.Context, tenants Tenants, store *knowledge.Store, args ImportArgs, file io.Reader, progress func(format string, args ...any)) (knowledge.Report, error) {
	tenant, err := PickTenant(ctx, tenants, args.Tenant)
	if err != nil {
		return knowledge.Report{}, err
	}
	ctx = frontdesk.WithActor(ctx, frontdesk.Actor{Kind: frontdesk.ActorSystem, ID: "import", Tenant: tenant})
	said := time.Now()
	return store.Import(ctx, knowledge.ImportOptions{
		Tenant: tenant, Bot: args.Bot, Format: args.Format, Reader: file, DryRun: args.DryRun,
		Progress: func(done int) {
			if time.Since(said) > time.Second {
				said = time.Now()
				progress("%d rows", done)
			}
		},
	})
}

// HandleImport adds the command import.
func (a *Admin) HandleImport(tenants Tenants, store *knowledge.Store) {
	a.Handle("import", func(ctx context.Context, r Request) (any, error) {
		var args ImportArgs
		if err := r.Decode(&args); err != nil {
			return nil, err
		}
		return ImportKnowledge(ctx, tenants, store, args, r.Body, r.Progress)
	})
}
