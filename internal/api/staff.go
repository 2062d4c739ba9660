package api

import (
	"context"
	"net/http"

	"frontdesk"
	"frontdesk/internal/auth"
)

// Staff is a person who signs in.
type Staff struct {
	ID        string              `json:"id"`
	Email     string              `json:"email"`
	Name      string              `json:"name"`
	Names     frontdesk.Localized `json:"names" doc:"What customers may call them instead, by their language"`
	Roles     []auth.Role         `json:"roles"`
	Status    string              `json:"status" enum:"active,disabled"`
	CreatedAt int64               `json:"created_at"`
	UpdatedAt int64               `json:"updated_at"`
}

func showStaff(m auth.Staff) Staff {
	names := m.Shown
	if names == nil {
		names = frontdesk.Localized{}
	}
	return Staff{m.ID, m.Email, m.Name, names, m.Roles, m.Status, m.CreatedAt, m.UpdatedAt}
}

type hireInput struct {
	Body struct {
		Email    string              `json:"email" maxLength:"254"`
		Name     string              `json:"name" minLength:"1" maxLength:"80"`
		Names    frontdesk.Localized `json:"names,omitempty" doc:"What customers may call them instead, by their language"`
		Password string              `json:"password" minLength:"10" maxLength:"256" doc:"To begin with; they can change it"`
		Roles    []string            `json:"roles" minItems:"1" maxItems:"7" uniqueItems:"true" enum:"owner,supervisor,agent,analyst,compliance,auditor,integrator"`
	}
}

type staffChangeInput struct {
	ByID
	Body struct {
		Name   *string              `json:"name,omitempty" minLength:"1" maxLength:"80"`
		Names  *frontdesk.Localized `json:"names,omitempty" doc:"All of them; those not named go"`
		Roles  *[]string            `json:"roles,omitempty" minItems:"1" maxItems:"7" uniqueItems:"true" enum:"owner,supervisor,agent,analyst,compliance,auditor,integrator"`
		Status *string              `json:"status,omitempty" enum:"active,disabled"`
	}
}

type setPasswordInput struct {
	ByID
	Body struct {
		Password string `json:"password" minLength:"10" maxLength:"256"`
	}
}

func (s *server) staffRoutes() {
	handle(s, Route{Method: http.MethodGet, Path: "/v1/staff", Name: "list-staff", Need: auth.StaffRead, Group: "staff",
		Doc: "Who can sign in", DocZH: "员工列表"},
		func(ctx context.Context, in *Paging) (*body[Page[Staff]], error) {
			list, err := s.Auth.StaffList(ctx, frontdesk.ActorFrom(ctx).Tenant, in.Cursor, in.Limit+1)
			return pageByID(list, in.Limit, func(m auth.Staff) string { return m.ID }, showStaff), err
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/staff", Name: "create-staff", Need: auth.StaffWrite, Group: "staff", Status: 201, Once: true,
		Doc: "Make an account for a person", DocZH: "新建员工"},
		func(ctx context.Context, in *hireInput) (*body[Staff], error) {
			m, err := s.Auth.Hire(ctx, frontdesk.ActorFrom(ctx), auth.NewStaff{Email: in.Body.Email, Name: in.Body.Name, Shown: in.Body.Names, Password: in.Body.Password, Roles: in.Body.Roles})
			return &body[Staff]{showStaff(m)}, err
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/staff/{id}", Name: "get-staff", Need: auth.StaffRead, Group: "staff",
		Doc: "One member of staff", DocZH: "员工详情"},
		func(ctx context.Context, in *ByID) (*body[Staff], error) {
			m, err := s.Auth.Staff(ctx, frontdesk.ActorFrom(ctx).Tenant, in.ID)
			return &body[Staff]{showStaff(m)}, err
		})
	handle(s, Route{Method: http.MethodPatch, Path: "/v1/staff/{id}", Name: "change-staff", Need: auth.StaffWrite, Group: "staff",
		Doc: "Change name, roles or status; it counts at once", DocZH: "修改员工姓名、角色或状态，立即生效"},
		func(ctx context.Context, in *staffChangeInput) (*body[Staff], error) {
			m, err := s.Auth.ChangeStaff(ctx, frontdesk.ActorFrom(ctx), in.ID, auth.StaffChange{Name: in.Body.Name, Shown: in.Body.Names, Roles: in.Body.Roles, Status: in.Body.Status})
			return &body[Staff]{showStaff(m)}, err
		})
	handle(s, Route{Method: http.MethodPut, Path: "/v1/staff/{id}/password", Name: "set-staff-password", Need: auth.StaffWrite, Group: "staff", Status: 204, Limit: 4096,
		Doc: "Give a person a new password; their sessions end", DocZH: "重置员工密码"},
		func(ctx context.Context, in *setPasswordInput) (*none, error) {
			return nil, s.Auth.SetPassword(ctx, frontdesk.ActorFrom(ctx), in.ID, in.Body.Password)
		})
	handle(s, Route{Method: http.MethodDelete, Path: "/v1/staff/{id}/sessions", Name: "sign-out-staff", Need: auth.StaffWrite, Group: "staff", Status: 204,
		Doc: "End all of a person's sessions, as when a laptop is lost", DocZH: "强制员工所有设备下线"},
		func(ctx context.Context, in *ByID) (*none, error) {
			return nil, s.Auth.SignOutAll(ctx, frontdesk.ActorFrom(ctx), in.ID)
		})
	handle(s, Route{Method: http.MethodDelete, Path: "/v1/staff/{id}", Name: "delete-staff", Need: auth.StaffWrite, Group: "staff", Status: 204,
		Doc: "Take an account away; what it did stays", DocZH: "删除员工"},
		func(ctx context.Context, in *ByID) (*none, error) {
			return nil, s.Auth.Dismiss(ctx, frontdesk.ActorFrom(ctx), in.ID)
		})
}
