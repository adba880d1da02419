using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Presence.Postgres.Keys;

namespace Presence.Silo.Nodes;

/// <summary>Keeps the keys that sign tokens in the database.</summary>
internal sealed class PostgresXmlRepository(PostgresKeyTable keys) : IXmlRepository
{
    public IReadOnlyCollection<XElement> GetAllElements() => [.. keys.Read().Select(XElement.Parse)];

    public void StoreElement(XElement element, string friendlyName) =>
        keys.Write(friendlyName, element.ToString(SaveOptions.DisableFormatting));
}
