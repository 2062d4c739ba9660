package api

import (
	"context"
	"net/http"

	"frontdesk/internal/auth"
)

// Rights is the permission table of the product, for a screen that shows it.
type Rights struct {
	Roles       []RoleRights      `json:"roles" doc:"In the order people choose from"`
	Permissions []auth.Permission `json:"permissions"`
	Scopes      []auth.Permission `json:"scopes" doc:"Those an API key may have"`
}

// RoleRights is what one role may do.
type RoleRights struct {
	Role        string            `json:"role"`
	Permissions []auth.Permission `json:"permissions"`
}

func (s *server) roleRoutes() {
	handle(s, Route{Method: http.MethodGet, Path: "/v1/roles", Name: "list-roles", Need: auth.Self, Group: "staff",
		Doc: "What each role may do, and what an API key may", DocZH: "角色权限表"},
		func(context.Context, *struct{}) (*body[Rights], error) {
			out := Rights{Roles: []RoleRights{}, Permissions: auth.Permissions(), Scopes: auth.Scopes()}
			for _, role := range auth.Roles {
				out.Roles = append(out.Roles, RoleRights{role, auth.HeldBy(role)})
			}
			return &body[Rights]{out}, nil
		})
}
