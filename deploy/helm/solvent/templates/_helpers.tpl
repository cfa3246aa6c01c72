{{- define "solvent.name" -}}
{{- printf "%s-solvent" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "solvent.selector" -}}
app.kubernetes.io/name: solvent
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "solvent.labels" -}}
{{ include "solvent.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "solvent.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "solvent.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "solvent.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "solvent.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
{{- include "solvent.podSecurity" . | nindent 2 }}
{{- end -}}

{{- define "solvent.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
{{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
{{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
{{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "solvent.environment" -}}
- {name: SOLVENT_DATABASE_URL_FILE, value: /run/secrets/solvent/database-url}
- {name: SOLVENT_REDIS_URL_FILE, value: /run/secrets/solvent/redis-url}
- {name: SOLVENT_CONFIG_DIR, value: /etc/solvent}
- {name: SOLVENT_MODEL, value: {{ .Values.model | quote }}}
- {name: HOME, value: /tmp}
{{- range $name, $value := .Values.env }}
- {name: {{ $name }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- end -}}

{{- define "solvent.mounts" -}}
- {name: secret, mountPath: /run/secrets/solvent, readOnly: true}
- {name: profiles, mountPath: /etc/solvent/models, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- end -}}

{{- define "solvent.volumes" -}}
- name: secret
  secret:
    secretName: {{ required "secret: the name of a Secret with the keys database-url and redis-url" .Values.secret }}
    defaultMode: 0440
    items:
      - {key: database-url, path: database-url}
      - {key: redis-url, path: redis-url}
- name: profiles
  configMap: {name: {{ include "solvent.name" . }}-profiles}
- name: tmp
  emptyDir: {sizeLimit: 512Mi}
{{- end -}}
