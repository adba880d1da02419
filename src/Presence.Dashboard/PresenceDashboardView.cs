namespace Presence.Dashboard;

/// <summary>A view that an application adds to the dashboard.</summary>
/// <param name="Id">
/// Name of the view in the address <c>/admin#ID</c>: 1 to 32 lower-case letters, digits and <c>-</c>.
/// </param>
/// <param name="Title">Text of its link.</param>
/// <param name="Script">
/// Path of a JavaScript module on this host. It exports <c>mount({ root, channel, isLive })</c>, called after the
/// sign-in: <c>root</c> is the element to fill, <c>channel(topic)</c> returns an unjoined channel of the admin's
/// socket, and <c>isLive()</c> says whether that is connected. It may return an object with <c>shown()</c>, called when
/// the view opens.
/// </param>
public sealed record PresenceDashboardView(string Id, string Title, string Script);
