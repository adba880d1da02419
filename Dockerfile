# The host as an image: docker build -t presence-silo . (context: the root of the checkout)

FROM node:22-slim AS web
WORKDIR /source
COPY . .
# Every folder with a lock file outside the tests is a front end of its own.
RUN find . -path ./tests -prune -o -name node_modules -prune -o -name package-lock.json -print | while read -r lock; do \
      (cd "$(dirname "$lock")" && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build && rm -rf node_modules) || exit 1; \
    done

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
COPY --from=web /source .
RUN dotnet publish Silo/Silo.csproj -c Release -o /app --nologo -v quiet

FROM mcr.microsoft.com/dotnet/aspnet:10.0
WORKDIR /app
COPY --from=build /app .
# The user that the image of .NET brings; nothing is written below /app.
USER $APP_UID
ENV ASPNETCORE_URLS=http://0.0.0.0:4000 ASPNETCORE_ENVIRONMENT=Production DOTNET_gcServer=1
EXPOSE 4000 11111 30000
# SIGTERM begins the graceful stop; the process is its own first process, so that it gets the signal.
STOPSIGNAL SIGTERM
ENTRYPOINT ["dotnet", "Presence.Silo.dll"]
