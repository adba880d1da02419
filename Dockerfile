# The host as an image: docker build -t presence-silo . (context: the root of the checkout)

FROM node:22-slim AS node

# Building the host bundles its pages, which needs Node.js beside the SDK.
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
COPY --from=node /usr/local /usr/local
WORKDIR /source
COPY . .
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
