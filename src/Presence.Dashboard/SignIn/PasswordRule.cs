using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Presence.Dashboard.SignIn;

/// <summary>Rejects a password that can be guessed, except in Development.</summary>
internal sealed class PasswordRule(IServiceProvider services) : IValidateOptions<PresenceDashboardOptions>
{
    public const int MinLength = 12;

    private const int MinDifferent = 5;

    public ValidateOptionsResult Validate(string? name, PresenceDashboardOptions options) =>
        services.GetService<IHostEnvironment>()?.IsDevelopment() == false && !IsStrong(options)
            ? ValidateOptionsResult.Fail(
                $"Presence:Admin:Password is too weak for this environment: it must have at least {MinLength} "
                + $"characters, {MinDifferent} of them different, and not be the user name.")
            : ValidateOptionsResult.Success;

    // No password is allowed: the endpoints are off.
    private static bool IsStrong(PresenceDashboardOptions options) => string.IsNullOrEmpty(options.Password)
        || (options.Password.Length >= MinLength
            && options.Password.Distinct().Count() >= MinDifferent
            && !string.Equals(options.Password, options.User, StringComparison.OrdinalIgnoreCase));
}
