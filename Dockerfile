# Builds the service in one stage and runs it in another, which has no compiler.

FROM swift:6.2-bookworm AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libcurl4-openssl-dev libhiredis-dev libpq-dev pkg-config zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY Package.swift openapi.yaml ./
COPY Sources Sources
COPY Tests Tests
RUN swift build --configuration release --product holdfast --static-swift-stdlib \
    && cp "$(swift build --configuration release --show-bin-path)/holdfast" /usr/local/bin/

FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl libcurl4 libhiredis0.14 \
        libpq5 tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --no-create-home --uid 10001 holdfast
COPY --from=build /usr/local/bin/holdfast /usr/local/bin/holdfast
COPY migrations /usr/share/holdfast/migrations
ENV HOLDFAST_MIGRATIONS=/usr/share/holdfast/migrations HOLDFAST_HOST=0.0.0.0
USER 10001
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=2s CMD ["curl", "-fsS", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["holdfast"]
CMD ["serve"]
