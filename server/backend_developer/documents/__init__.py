"""API descriptions, schemas and manifests: OpenAPI, GraphQL, Prisma, Compose, Kubernetes."""
